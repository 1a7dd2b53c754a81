"""Unit tests in one process with the program: what is done there, and in which order.

A program in the same process can look for what the tests expect, so none of this makes it safe; it
makes the cheap ways fail. The steps are called one after the other by C code, from a list that no
frame shows. What was there before the program is put back before the tests arrive; the token with
which the result is signed comes first, goes into a namespace that no frame of the tests' has, and
is used last.
"""

import builtins
import functools
import gc
import importlib
import operator
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from rewardd_verifiers.code.jailed import pristine
from rewardd_verifiers.code.jailed.exchange import Value

NAMES = ("solution", "main", "submission")
_BEFOREHAND = ("unittest", "unittest.mock", "inspect", "traceback", "asyncio", "contextlib", "io")
_FISHING = ("get_objects", "get_referrers", "get_referents", "unfreeze")
_MONITORS = 6


def steps(ask: Callable[[Value], Value], source: str, offered: Value) -> Iterator[Any]:
    """Return what has to be done, as functions without arguments."""
    for name in _BEFOREHAND:
        importlib.import_module(name)
    for name in _FISHING:
        gc.__dict__.pop(name, None)
    held = pristine.snapshot([ask])
    graves: list[Value] = []
    given: dict[str, Value] = {}
    quiet = _quiet()
    mend = functools.partial(_apart(pristine.restore), held, graves)
    signing: dict[str, Value] = {}
    made: list[Callable[[], object]] = [
        functools.partial(_apart(load), source, offered),
        *quiet,
        _apart(alone),
        mend,
        functools.partial(_apart(receive), ask, signing, given),
        functools.partial(signal.pthread_sigmask, signal.SIG_SETMASK, ()),
        functools.partial(_apart(judge), given, offered),
        *quiet,
        _apart(alone),
        functools.partial(_apart(close), ask, signing, given, _apart(pristine.changes), held, mend),
    ]
    gc.freeze()
    return iter(made)


def begin(ask: Callable[[Value], Value], source: str, offered: Value) -> object:
    """Do it all; the last step ends the process."""
    call: Value = operator.call
    done: list[object] = list(map(call, steps(ask, source, offered)))
    return done


def _quiet() -> list[Callable[[], object]]:
    """Return what ends everything that a program can have set going."""
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    monitoring: Value = getattr(sys, "monitoring", None)
    tools = () if monitoring is None else range(_MONITORS)
    return [
        functools.partial(sys.settrace, None),
        functools.partial(sys.setprofile, None),
        *(functools.partial(_apart(silence), monitoring, tool) for tool in tools),
        gc.disable,
        gc.callbacks.clear,
        *(functools.partial(signal.setitimer, timer, 0.0) for timer in timers),  # noqa: TID251  to end what a program set
        functools.partial(signal.pthread_sigmask, signal.SIG_BLOCK, range(1, signal.NSIG)),
    ]


def _apart(function: Value) -> Callable[..., Any]:
    """Return a function with a namespace of its own, and in it all that it calls."""
    space: dict[str, Value] = {"__builtins__": dict(vars(builtins))}
    for name, value in function.__globals__.items():
        if type(value) is FunctionType and value.__globals__ is function.__globals__:
            space[name] = FunctionType(value.__code__, space, name, value.__defaults__)
        elif not name.startswith("__"):
            space[name] = value
    return space[function.__name__]


def silence(monitoring: Value, tool: int) -> None:
    """Take a tool's events away."""
    if monitoring.get_tool(tool) is not None:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


def load(source: str, offered: Mapping[str, Value]) -> None:
    """Run the program as the module that tests import."""
    own = ModuleType(NAMES[0])
    own.__dict__.update({n: v for n, v in offered.items() if not hasattr(builtins, n)})
    own.__dict__["__builtins__"] = builtins  # where tests put their mocks
    own.__dict__["__file__"] = "solution.py"
    for name in NAMES:
        sys.modules[name] = own
    exec(compile(source, "solution.py", "exec", dont_inherit=True), own.__dict__)  # noqa: S102  what a jail is for


def alone() -> None:
    """Make sure that nothing of the program's runs beside what comes now.

    Raises:
        RuntimeError: threads or processes are left.
    """
    if len(sys._current_frames()) > 1:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  documented, and the only way
        raise RuntimeError("the program left threads running")
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    raise RuntimeError("the program left processes running")


def receive(ask: Callable[[Value], Value], signing: Value, given: Value) -> None:
    """Take the token, then the tests: what was said before can no longer be read again."""
    signing["token"] = ask({"loaded": True})["token"]
    given.update(ask({"ready": True}))


def judge(given: Value, offered: Value) -> None:
    """Run the tests with code that came with them."""
    for name, source in given.pop("modules"):
        module = ModuleType(name)
        module.__dict__["__path__"] = []
        sys.modules[name] = module
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)  # noqa: S102  ours
    runner: Value = sys.modules["rewardd_verifiers.code.jailed.beside"]
    given["report"] = runner.run(given.pop("test"), sys.modules[NAMES[0]], given["skips"], offered)


def close(
    ask: Callable[[Value], Value],
    signing: Value,
    given: Value,
    changes: Callable[[Value], list[str]],
    held: Value,
    mend: Callable[[], None],
) -> None:
    """Tell what became of the tests, signed."""
    changed = [name for name in changes(held) if name not in NAMES][:5]
    mend()
    told = {key: given["report"][key] for key in ("ran", "failed", "passed", "name", "text")}
    ask({"token": signing["token"], "changed": changed, **told})
