"""What runs on the far side of the fence: standard library only, no import of the rest.

A zygote is started with the interpreter for submissions, which need not have rewardd installed:
these modules are all it loads, and it forgets their names before the first program runs.
"""
