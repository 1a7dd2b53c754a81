"""How much work one answer may cause: counted before it is done, never timed.

A busy machine gives the same verdict as an idle one, and no thread needs an alarm.
"""

MAX_CHARACTERS = 8192
"""Of an answer or a gold."""

MAX_TOKENS = 4000
MAX_DEPTH = 110
"""Of nested groups; four frames of the interpreter each stay far below its limit of a thousand."""

MAX_ELEMENTS = 256
MAX_MATRIX = 32
MAX_VARIABLES = 16
MAX_DIGITS = 4000
"""Of a literal: CPython refuses to convert more than 4,300."""

MAX_EXPONENT = 10_000
"""Of ten, in a literal such as 4e5."""

MAX_EXACT_BITS = 20_000
MAX_FACTORIAL = 1000
MAX_TERMS = 1000
"""Of an indexed sum or product."""

MAX_PRECISION = 4096
MAX_STEPS = 20_000
"""Nodes that one comparison may visit."""

MAX_SIGNS = 4
"""Plus-minus signs that are expanded: sixteen values."""


class LimitError(Exception):
    """An input is larger than we are willing to read; the message names the limit."""


class UnreadableError(Exception):
    """A text is no mathematics that we can read; the message says where reading stopped."""


class UndecidedError(Exception):
    """Neither equal nor unequal could be shown; the message is the cause, a few words."""


class Steps:
    """What is left of the work that one comparison may do."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_STEPS) -> None:
        self.left = left

    def take(self, count: int = 1) -> None:
        """Count work before it is done.

        Raises:
            UndecidedError: nothing is left.
        """
        self.left -= count
        if self.left < 0:
            raise UndecidedError("too many steps")
