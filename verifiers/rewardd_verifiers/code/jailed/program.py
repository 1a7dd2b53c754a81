"""The program's side of a session: load it as a module, then do with it what the tests ask.

Nothing here is trusted: it shares its process with the program, and says what the program is.
"""

import builtins
import importlib
import operator
import sys
from collections.abc import Callable, Mapping
from types import (
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FunctionType,
    MethodType,
    ModuleType,
)
from typing import Any

from rewardd_verifiers.code.jailed import sharing
from rewardd_verifiers.code.jailed.catching import Caught
from rewardd_verifiers.code.jailed.exchange import (
    Exchange,
    Message,
    UnsentError,
    Value,
    is_a,
    kind_of,
    shadow,
)

NAMES = ("solution", "main", "submission")
_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType)
_OURS = 3
"""References to a result that are ours: a program that keeps it has one more."""
_TEXT_CHARACTERS = 2000
_ATTRIBUTES = 50

_BUILTINS = "len iter next str repr hash format int float abs reversed round divmod isinstance dir"
_OPERATORS = (
    "neg pos invert getitem setitem delitem contains index eq lt le gt ge add sub mul truediv "
    "floordiv mod pow matmul xor lshift rshift"
)


def _enter(value: Value) -> Value:
    return kind_of(value).__enter__(value)


def _exit(value: Value, *error: Value) -> Value:
    return kind_of(value).__exit__(value, *error)


def _operator(name: str) -> Any:  # noqa: ANN401  one of many signatures
    return getattr(operator, name)


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(builtins, name) for name in _BUILTINS.split()},
    **{name: _operator(name) for name in _OPERATORS.split()},
    "bool": operator.truth,
    "and": _operator("and_"),
    "or": _operator("or_"),
    "plain": shadow,
    "enter": _enter,
    "exit": _exit,
}
_REFLECTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")


class Program:
    """A program, loaded as the module that tests import.

    Args:
        ask: send a message to the tests, and return theirs.
        leaves: the tests know that it may leave by `SystemExit`.
    """

    def __init__(self, ask: Callable[[Message], Message], *, leaves: bool) -> None:
        self._ask = ask
        self._caught = (Exception, SystemExit) if leaves else (Exception,)
        self._exchange = Exchange(self._lend, self._borrow, _number_of, trusted=False)
        self._sharing = sharing.Shared(self._exchange)

    def load(self, source: str, offered: Value) -> Message:
        """Compile and run the program; it is number 0 of what is lent."""
        module = ModuleType(NAMES[0])
        module.__dict__["__builtins__"] = offered
        module.__dict__["__file__"] = "solution.py"
        for name in NAMES:
            sys.modules[name] = module
        self._exchange.keep(module)
        code: CodeType | None = None
        with Caught(only=(SyntaxError, ValueError, RecursionError, MemoryError)) as caught:
            code = compile(source, "solution.py", "exec", dont_inherit=True)
        if code is None:
            return {"uncompiled": _line(caught.error)}
        with Caught() as caught:
            exec(code, module.__dict__)  # noqa: S102  what a jail is for
        if caught.error is not None:
            return {"unloaded": _line(caught.error)}
        return {"loaded": True}

    def serve(self, first: Message) -> None:
        """Answer requests for ever."""
        message = self._ask(first)
        while True:
            message = self._ask(self.answer(message))

    def answer(self, message: Message) -> Message:
        """Do what is asked, and tell what came of it."""
        self._sharing.take(message.get("news", ()))
        told = self._answered(message)
        news = self._sharing.news()
        return {**told, "news": news} if news else told

    def _answered(self, message: Message) -> Message:
        with Caught() as caught:
            return self._done(message)
        error = caught.error
        if isinstance(error, UnsentError):
            return {"unsupported": str(error)[:_TEXT_CHARACTERS]}
        if error is None or not isinstance(error, self._caught):
            return {"gone": _line(error)}
        return {"raised": self._raised(error)}

    def _done(self, message: Message) -> Message:
        target = self._exchange.kept(message["on"])
        arguments = self._exchange.unpacked(message.get("args", ()))
        keywords = {name: self._exchange.unpack(tree) for name, tree in message.get("kwargs", ())}
        asked = message["op"]
        if asked == "get":
            return self._got(target, message["name"])
        if asked == "set":
            setattr(target, message["name"], arguments[0])
            return {"value": ("plain", None)}
        if asked == "await":
            return {"value": self._exchange.pack(importlib.import_module("asyncio").run(target))}
        if asked == "do":
            return {"value": self._exchange.pack(_operated(message["name"], target, arguments))}
        before = [
            sharing.trace(self._exchange, value) for value in (*arguments, *keywords.values())
        ]
        result = target(*arguments, **keywords)
        return self._called(result, [*arguments, *keywords.values()], before)

    def _got(self, target: Value, name: str) -> Message:
        if is_a(target, ModuleType) and name not in vars(target):
            return {"missing": name}
        return self._shared(getattr(target, name))

    def _shared(self, value: Value) -> Message:
        """Return a value that the program goes on holding."""
        told: Message = {"value": self._exchange.pack(value)}
        if sharing.can_change(value) and sharing.is_short(value):
            told["shared"] = self._exchange.keep(value)
            self._sharing.add(told["shared"], value)
        return told

    def _called(self, result: Value, given: list[Value], before: list[Value]) -> Message:
        after = [sharing.trace(self._exchange, value) for value in given]
        changed = {str(n): new for n, new in enumerate(after) if new != before[n]}
        same = next((n for n, value in enumerate(given) if value is result), None)
        if same is not None and after[same] is not None:
            return {"same": same, "changed": changed}
        held = sys.getrefcount(result) > _OURS
        told = self._shared(result) if held else {"value": self._exchange.pack(result)}
        return {**told, "changed": changed}

    def _lend(self, value: Value, number: int) -> Message:
        if is_a(value, type):
            return {"kind": "class", "class": self._class(value)}
        told: Message = {"number": number, "name": str(getattr(value, "__name__", ""))}
        if is_a(value, _FUNCTIONS):
            return {**told, "kind": "function"}
        if is_a(value, CoroutineType):
            return {**told, "kind": "coroutine"}
        if is_a(value, BaseException):
            return {**told, "kind": "error", "error": self._raised(value)}
        told |= {"kind": "object", "class": self._class(kind_of(value))}
        plain = shadow(value)
        return told if plain is None else {**told, "plain": self._exchange.pack(plain)}

    def _class(self, kind: type) -> Value:
        """Describe a class: by its name if Python has it, else with a number and its bases."""
        module, name = str(kind.__module__), str(kind.__qualname__)
        if module not in NAMES and module != "__main__":
            return ("known", module, name)
        bases = [self._class(base) for base in kind.__bases__ if base is not object]
        return ("own", self._exchange.keep(kind), str(kind.__name__), bases)

    def _raised(self, error: BaseException) -> Message:
        if _OF_TESTS in getattr(error, "__dict__", ()):
            return {"back": vars(error)[_OF_TESTS]}
        told: Message = {"class": self._class(type(error)), "text": _text(error), "bases": []}
        told["number"] = self._exchange.keep(error)
        told["bases"] = [self._class(base) for base in type(error).__mro__[1:-1]]
        told["args"] = self._plain_only(error.args)
        held = list(vars(error).items())[:_ATTRIBUTES] if hasattr(error, "__dict__") else []
        told["held"] = [(name, tree) for name, v in held if (tree := self._plain_only(v))]
        return told

    def _plain_only(self, value: Value) -> Value:
        with Caught(only=Exception):
            tree = self._exchange.pack(value)
            return tree if tree[0] == "plain" else None
        return None

    def _borrow(self, told: Message) -> Value:
        number = told["number"]
        if told["kind"] == "function":
            return _Callback(self, number)
        if told["kind"] == "iterator":
            return iter(lambda: self.request({"op": "next", "on": number}), _END)
        return _Foreign(self, number)

    def request(self, message: Message) -> Value:
        """Ask the tests for something of theirs, answering what they ask meanwhile."""
        message["args"] = self._exchange.packed(message.get("args", ()))
        message["kwargs"] = [(k, self._exchange.pack(v)) for k, v in message.get("kwargs", ())]
        reply = self._ask(message)
        while "op" in reply:
            reply = self._ask(self.answer(reply))
        if "end" in reply:
            return _END
        if "raised" in reply:
            kind = getattr(builtins, reply["raised"], Exception)
            error = kind(reply["text"])
            vars(error)[_OF_TESTS] = reply["number"]
            raise error
        return self._exchange.unpack(reply["value"])


_END = object()
_OF_TESTS = "_number_in_the_tests"


class _Callback:
    """A function of the tests."""

    def __init__(self, program: Program, number: int) -> None:
        self._lent = program, number

    def __call__(self, *arguments: Value, **keywords: Value) -> Value:
        program, number = self._lent
        asked = {"op": "call", "on": number, "args": arguments, "kwargs": keywords.items()}
        return program.request(asked)

    __name__ = __qualname__ = "function"


class _Foreign:
    """An object of a class that the tests define."""

    def __init__(self, program: Program, number: int) -> None:
        vars(self)["_lent"] = program, number

    def __getattr__(self, name: str) -> Value:
        program, number = vars(self)["_lent"]
        return program.request({"op": "get", "on": number, "name": name})

    def __setattr__(self, name: str, value: Value) -> None:
        program, number = vars(self)["_lent"]
        program.request({"op": "set", "on": number, "name": name, "args": [value]})


def _number_of(value: Value) -> int | None:
    if type(value) is _Callback or type(value) is _Foreign:
        return vars(value)["_lent"][1]
    return None


def _operated(name: str, target: Value, arguments: list[Value]) -> Value:
    if name[0] == "r" and name[1:] in _REFLECTED:
        return OPERATIONS[name[1:]](arguments[0], target)
    result = OPERATIONS[name](target, *arguments)
    if name == "eq" and result and target is not arguments[0]:
        return not _equals_anything(target)
    return result


def _equals_anything(target: Value) -> bool:
    with Caught(only=Exception):
        return bool(target == object())
    return False


def _text(error: BaseException) -> str:
    with Caught():
        return str(error)[:_TEXT_CHARACTERS]
    return ""


def _line(error: BaseException | None) -> str:
    line = getattr(error, "lineno", None)
    place = f" (line {line})" if isinstance(line, int) else ""
    return f"{type(error).__name__}: {_text(error) if error is not None else ''}{place}"


def serve(ask: Callable[[Message], Message], source: str, offered: Value, *, leaves: bool) -> None:
    """Load a program and answer for it."""
    program = Program(ask, leaves=leaves)
    program.serve(program.load(source, offered))
