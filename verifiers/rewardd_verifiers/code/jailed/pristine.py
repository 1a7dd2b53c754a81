"""What modules held before a program was loaded, so that they can be put back.

Functions only, and no state: who uses them keeps them, and what they made, out of the program's
reach.
"""

import sys
from types import FunctionType, ModuleType
from typing import Any

from rewardd_verifiers.code.jailed.exchange import Value, is_a

_CODE = ("__code__", "__defaults__", "__kwdefaults__")


def snapshot(more: list[Value]) -> list[Value]:
    """Return what all modules hold: their names, their classes' names, their functions' code.

    `more` are functions of modules that are not listed among the interpreter's.
    """
    classes: dict[int, Value] = {}
    functions: dict[int, Value] = {}
    spaces = _spaces(more)
    for space in spaces:
        for value in list(space.values()):
            _note(value, classes, functions)
    for kind in list(classes.values()):
        for value in list(_names(kind).values()):
            _note(getattr(value, "__func__", value), {}, functions)
    return [
        [(space, dict(space)) for space in spaces],
        [(kind, dict(_names(kind))) for kind in classes.values()],
        [(one, [getattr(one, name) for name in _CODE]) for one in functions.values()],
        dict(sys.modules),
    ]


def _spaces(more: list[Value]) -> list[dict[str, Value]]:
    """Return the namespaces of all modules but the one that is run."""
    names = [name for name in sys.modules if name != "__main__"]
    found = [_names(sys.modules[name]) for name in names if is_a(sys.modules[name], ModuleType)]
    for function in more:
        own = function.__globals__
        found += [own, *(v.__globals__ for v in list(own.values()) if is_a(v, FunctionType))]
    return list({id(space): space for space in found}.values())


def _names(owner: Value) -> Any:  # noqa: ANN401  a dict, or a view of one
    return owner.__dict__


def _note(value: Value, classes: dict[int, Value], functions: dict[int, Value]) -> None:
    if is_a(value, FunctionType):
        functions[id(value)] = value
    elif is_a(value, type) and value.__flags__ & _HEAP:
        classes[id(value)] = value


_HEAP = 1 << 9
"""Set on classes that Python code made: others cannot be changed."""


_JUDGING = frozenset({"builtins", "operator", "unittest", "math", "traceback", "inspect", "ast"})
"""Modules that say whether a test passes: what tests change of them, they put back."""


def changes(held: list[Value]) -> list[str]:
    """Return names of what decides about tests, and is no longer as it was."""
    spaces, classes, functions, modules = held
    found = [n for n, one in modules.items() if _judges(n) and sys.modules.get(n) is not one]
    for space, before in spaces:
        if _judges(str(before.get("__name__"))):
            found += [str(n) for n, v in before.items() if callable(v) and space.get(n) is not v]
    for kind, before in classes:
        if _judges(str(before.get("__module__"))):
            now = _names(kind)
            found += [f"{kind.__name__}.{n}" for n, v in before.items() if _differs(now, n, v)]
            found += [f"{kind.__name__}.{n}" for n in now if n not in before and n not in _CACHES]
    for function, before in functions:
        now = [getattr(function, name) for name in _CODE]
        if any(one is not other for one, other in zip(now, before, strict=True)):
            found.append(function.__name__)
    return found


def _judges(module: str) -> bool:
    return module.partition(".")[0] in _JUDGING


_CACHES = frozenset({"__abstractmethods__", "_abc_impl", "__annotations_cache__", "__doc__"})
_FREE = frozenset({"__warningregistry__", "__main__"})


def _differs(now: Value, name: str, value: Value) -> bool:
    return name not in _CACHES and now.get(name) is not value


def restore(held: list[Value], graves: list[Value]) -> None:
    """Put everything back; what stood in its place is kept, so that no finalizer runs now."""
    spaces, classes, functions, modules = held
    for space, before in [(sys.modules, modules), *spaces]:
        for name, value in before.items():
            if space.get(name) is not value and name not in _FREE:
                graves.append(space.get(name))
                space[name] = value
    for kind, before in classes:
        _restore_class(kind, before, graves)
    for function, before in functions:
        for name, value in zip(_CODE, before, strict=True):
            if getattr(function, name) is not value:
                graves.append(getattr(function, name))
                setattr(function, name, value)


def _restore_class(kind: type, before: dict[str, Value], graves: list[Value]) -> None:
    now = _names(kind)
    for name in [n for n in now if n not in before and n not in _CACHES]:
        graves.append(now[name])
        type.__delattr__(kind, name)
    for name, value in before.items():
        if _differs(now, name, value):
            graves.append(now.get(name))
            type.__setattr__(kind, name, value)
