"""The tests' side of a session: asks the program, and makes something of its answers.

A function's results arrive as plain values; objects of the program's own stay where they are, and
`standins` stand for them. Whatever the program sends is read as the work of a liar.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

from rewardd_verifiers.code.jailed.catching import Caught
from rewardd_verifiers.code.jailed.exchange import (
    Exchange,
    Message,
    UnsentError,
    Value,
    is_a,
    kind_of,
)
from rewardd_verifiers.code.jailed.sharing import Shared, refresh
from rewardd_verifiers.code.jailed.standins import (
    DOC,
    NUMBER,
    Place,
    Remote,
    RemoteClass,
    RemoteFunction,
    number_of,
    short,
    shown,
)

_UNTOLD = ("unittest", "pytest", "_pytest", "rewardd_verifiers", "rewardd_sandbox", "__main__")
"""Modules whose exceptions mean something to who runs the tests."""
_SHOWN = 150
_NONE: Mapping[str, Value] = {}
TESTS = "tests"
"""The module that test code is."""


class GoneError(BaseException):
    """The program can answer no more: the test fails, whatever it catches."""


class UncomparableError(BaseException):
    """A result of the program's has no plain value to compare: the test fails."""


class UnsendableError(BaseException):
    """The test code hands over what cannot be sent: nothing can be said of the program."""


class Peer:
    """The tests' side of a session.

    Attributes:
        trouble: what the program did that ended the session; empty if nothing.
        unsent: what the test code handed over and cannot be sent.
        uncomparable: what the program gave and cannot be compared.
        missing: a name that the program does not have.
        calls: how often the program was asked to do something.
        test: the number of the test that is running.
        last: the last call and what came of it, for people.
    """

    def __init__(self, ask: Callable[[Message], Message]) -> None:
        self._ask = ask
        self.exchange = Exchange(self._lend, self._borrow, number_of, trusted=True)
        self._sharing = Shared(self.exchange)
        self._made: dict[int, Value] = {}
        self._classes: dict[object, type] = {}
        self.trouble = ""
        self.unsent = ""
        self.uncomparable = ""
        self.missing = ""
        self.calls = 0
        self.test = 0
        self.last = ""
        self.result = ""

    def call(self, number: int, name: str, args: Value, kwargs: Value) -> Value:
        """Call a function or a class of the program's, and bring lists and dicts up to date."""
        self.calls += 1
        self.last = f"{name}({shown(args, kwargs)})"
        given = [*args, *kwargs.values()]
        reply = self._request({"op": "call", "on": number}, args, kwargs)
        for index, tree in self._read(lambda: reply.get("changed", {}).items()):
            fresh = self._read(lambda tree=tree: self.exchange.unpack(tree))
            refresh(given[self._read(lambda index=index: int(index))], fresh)
        same = "same" in reply
        result = self._read(lambda: given[reply["same"]]) if same else self._value(reply)
        self.result = short(result)
        return result

    def get(self, number: int, name: str) -> Value:
        """Return an attribute."""
        self.calls += number != 0
        return self._value(self._request({"op": "get", "on": number, "name": name}))

    def put(self, number: int, name: str, value: Value) -> None:
        """Set an attribute."""
        self._request({"op": "set", "on": number, "name": name}, (value,))

    def do(self, name: str, number: int, *arguments: Value) -> Value:
        """Carry out an operation on an object of the program's."""
        self.calls += 1
        return self._value(self._request({"op": "do", "on": number, "name": name}, arguments))

    async def wait(self, number: int) -> Value:
        """Run a coroutine of the program's to its end."""
        return self._value(self._request({"op": "await", "on": number}))

    def _tell(self, message: Message) -> Message:
        return self._ask({"ask": message, "test": self.test})

    def refuse(self, kind: str) -> NoReturn:
        """Fail the test: a result of this class was to be compared with a plain value."""
        self.uncomparable = f"a result of type {kind} cannot be compared"
        raise UncomparableError(self.uncomparable)

    def has(self, name: str) -> bool:
        """Whether the program has a name at its top."""
        found = "missing" not in self._tell({"op": "get", "on": 0, "name": name})
        self.missing = self.missing or ("" if found else name)
        return found

    def _value(self, reply: Message) -> Value:
        return self._read(lambda: self._shared(reply))

    def _shared(self, reply: Message) -> Value:
        """Return the value of a reply: the same one again, where it is shared already."""
        number = reply.get("shared")
        if number is None:
            return self.exchange.unpack(reply["value"])
        known = self._sharing.get(number)
        if known is None:
            known = self.exchange.unpack(reply["value"])
            self._sharing.add(int(number), known)
        return known

    def _read(self, reading: Callable[[], Value]) -> Value:
        """Read what the program sent: if that is broken, so is the program."""
        with Caught(only=Exception) as caught:
            return reading()
        return self._end(f"a broken reply: {caught.error!r:.200}")

    def _end(self, trouble: str) -> NoReturn:
        self.trouble = self.trouble or trouble
        raise GoneError(trouble)

    def _request(self, message: Message, args: Value = (), kwargs: Value = _NONE) -> Message:
        if self.trouble:
            raise GoneError(self.trouble)
        reply: Message = {}
        with Caught(only=Exception) as caught:
            message["args"] = self.exchange.packed(args)
            message["kwargs"] = [(k, self.exchange.pack(v)) for k, v in kwargs.items()]
            message["news"] = self._sharing.news()
            reply = self._tell(message)
        if caught.error is not None:
            self.unsent = str(caught.error) or type(caught.error).__name__
            raise UnsendableError(self.unsent) from caught.error
        while "op" in reply:
            self._news(reply)
            reply = self._tell(self._served(reply))
        self._news(reply)
        return self._settled(reply, message)

    def _news(self, reply: Message) -> None:
        self._read(lambda: self._sharing.take(reply.get("news", ())))

    def _settled(self, reply: Message, message: Message) -> Message:
        """Return a reply that holds a value; anything else is raised."""
        if "missing" in reply:
            self.missing = str(message.get("name"))
            raise AttributeError(f"module 'solution' has no attribute {self.missing!r}")
        if "raised" in reply:
            error = self._read(lambda: self._error(reply["raised"]))
            self.result = short(error)
            if isinstance(error, StopIteration) and message.get("name") != "next":
                raise RuntimeError("a call raised StopIteration")  # else a loop would just end
            raise error
        if "value" not in reply and "same" not in reply:
            told = reply.get("unsupported") or reply.get("gone") or "no reply"
            self._end(str(told)[:_SHOWN])
        return reply

    def _served(self, message: Message) -> Message:
        """Do what the program asks of a function or object that it was handed, and no more."""
        with Caught(only=Exception) as caught:
            target = self.exchange.kept(message["on"])
            arguments = self.exchange.unpacked(message.get("args", ()))
            keywords = {name: self.exchange.unpack(t) for name, t in message.get("kwargs", ())}
            return self._granted(message, target, arguments, keywords)
        error = caught.error
        kinds = [k.__name__ for k in type(error).__mro__ if k.__module__ == "builtins"]
        number = self.exchange.keep(error)
        return {"raised": kinds[0], "text": str(error)[:_SHOWN], "number": number}

    def _granted(self, message: Message, target: Value, args: Value, kwargs: Value) -> Message:
        asked, name = message["op"], str(message.get("name"))
        if asked == "call" and callable(target):
            return {"value": self.exchange.pack(target(*args, **kwargs))}
        if asked == "next" and is_a(target, Iterator):
            for item in target:
                return {"value": self.exchange.pack(item)}
            return {"end": True}
        if not _is_of_tests(target) or name.startswith("_"):
            raise TypeError(f"the tests lent nothing for {asked} {name}")
        if asked == "set":
            setattr(target, name, args[0])
            return {"value": ("plain", None)}
        return {"value": self.exchange.pack(getattr(target, name))}

    def _lend(self, value: Value, number: int) -> Message:
        if is_a(value, Iterator):
            return {"kind": "iterator", "number": number}
        if _is_of_tests(value):
            return {"kind": "object", "number": number}
        if callable(value) and not kind_of(value).__module__.startswith("unittest"):
            return {"kind": "function", "number": number}
        raise UnsentError(f"an object of type {kind_of(value).__name__}")

    def _borrow(self, told: Message) -> Value:
        kind = told["kind"]
        if kind == "class":
            return self._class(told["class"])
        if kind == "error":
            return self._error(told["error"])
        number = told["number"]
        if type(number) is not int:
            raise TypeError("no number")
        if kind == "coroutine":
            return self.wait(number)
        if number not in self._made:
            self._made[number] = self._stand_in(told, number)
        return self._made[number]

    def _stand_in(self, told: Message, number: int) -> Value:
        if told["kind"] == "function":
            return RemoteFunction(self, number, str(told["name"]))
        kind = self._class(told["class"])
        kind = kind if issubclass(kind, Remote) else Remote
        plain = self.exchange.unpack(told["plain"]) if "plain" in told else None
        made = object.__new__(kind)
        object.__setattr__(made, "_here", Place(self, number, str(told["class"][2]), plain))
        return made

    def _class(self, told: Value) -> type:
        """Return the class that stands for one of the program's."""
        if told[0] == "known":
            return self._known(told[1], told[2])
        number = told[1]
        if number not in self._classes:
            bases = [self._class(base) for base in told[3]]
            self._classes[number] = self._made_class(number, str(told[2]), bases)
        return self._classes[number]

    def _made_class(self, number: int, name: str, bases: list[type]) -> type:
        errors = tuple(base for base in bases if issubclass(base, BaseException))
        usable = errors or tuple(base for base in bases if issubclass(base, Remote)) or (Remote,)
        names = {"__module__": "solution", "_number": number, "_peer": self}
        if not errors:
            names |= {"__doc__": DOC, "__slots__": ()}
        return RemoteClass(name, usable, names)

    def _known(self, module: str, name: str) -> type:
        """Return a class of Python's own that the tests may know too."""
        owner = None if module.partition(".")[0] in _UNTOLD else sys.modules.get(module)
        found = vars(owner).get(name) if owner is not None else None
        return found if isinstance(found, type) else _Unknown

    def _error(self, told: Message) -> BaseException:
        """Make an exception that looks like the one that the program raised."""
        if "back" in told:
            return _as_error(self.exchange.kept(told["back"]))
        kinds = [self._class(base) for base in (told["class"], *told["bases"])]
        allowed = [k for k in kinds if issubclass(k, (Exception, SystemExit))]
        kind = allowed[0] if allowed else Exception
        text = str(told["text"])
        tree = told["args"]
        arguments = self.exchange.unpack(tree) if tree else (text,)
        error = _built(kind, arguments, text)
        for name, held in told["held"]:
            if held:
                vars(error)[str(name)] = self.exchange.unpack(held)
        vars(error)[NUMBER] = int(told["number"])
        return error


class _Unknown:
    """A class that the tests do not know."""


def _built(kind: type[BaseException], arguments: Value, text: str) -> BaseException:
    with Caught(only=Exception):
        error = type.__call__(kind, *arguments)
        if str(error) == text:
            return error

    def spoken_text(_: BaseException) -> str:
        return text

    names: dict[str, object] = {"__str__": spoken_text, "__module__": "solution"}
    spoken = type(kind)(kind.__name__, (kind,), {**_place_of(kind), **names})
    error = spoken.__new__(spoken, *arguments)
    error.args = tuple(arguments)
    return error


def _place_of(kind: type) -> dict[str, object]:
    """Return where a class of the program's is, for one made after it."""
    held = vars(kind)
    return {name: held[name] for name in ("_number", "_peer") if name in held}


def _as_error(value: Value) -> Exception:
    if not is_a(value, Exception):
        raise TypeError("no exception of the tests")
    return value


def _is_of_tests(value: Value) -> bool:
    return getattr(kind_of(value), "__module__", "") == TESTS
