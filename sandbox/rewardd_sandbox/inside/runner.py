"""Runs a Python submission's tests in the jail: no judge, only a stage that is swept between acts.

Everything here is the submission's to read and break; it can spoil nothing but its own answers.
"""

import atexit
import builtins
import contextlib
import decimal
import gc
import os
import random
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from types import CodeType, ModuleType

from rewardd_sandbox.inside import calls, orders
from rewardd_sandbox.inside.codec import MAX_BYTES

_SPARE = 10
"""Where spare copies of descriptors 0, 1 and 2 stand: `open(0)` closes the original."""

_RECURSION = 1000
_run_exit_hooks: Callable[[], object] = getattr(atexit, "_run_exitfuncs")  # noqa: B009  it has no public name
_handler: Callable[[int], object] = getattr(signal.getsignal, "__wrapped__", signal.getsignal)
"""Without the enumerations around it, which cost more than all else that a test is given."""
_THREAD_STACK_BYTES = 16 << 20
"""Else a thread takes as much as the main stack, and ten of them an address space limit."""
_HANDLED = (
    signal.SIGALRM, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGSEGV,
    signal.SIGVTALRM, signal.SIGHUP,
)  # fmt: skip
_GO = struct.Struct(orders.GO_FRAME)
_REPORT = struct.Struct(orders.REPORT)


@dataclass(frozen=True)
class Place:
    """Where a program runs: its directory, command line, files, and the copy of its input."""

    work: str
    argv: list[str]
    files: frozenset[str]
    stdin_file: str | None


def link_stdin(name: str | None) -> None:
    """Write the input to the file that the source reads it from, if it names one."""
    if name is None:
        return
    if os.path.isdir("/proc/self"):  # noqa: PTH112  a string all along
        _replace_link(name)
        return
    place = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    offset = 0
    while chunk := os.pread(0, 1 << 20, offset):
        offset += os.write(place, chunk)
    os.close(place)


def _replace_link(name: str) -> None:
    if not os.path.lexists(name):
        os.symlink("/proc/self/fd/0", name)  # noqa: PTH211  a string all along


def _raw(environment: MutableMapping[str, str]) -> dict[bytes, bytes]:
    """Return the variables as they are kept: to decode them all takes longer than a test."""
    return vars(environment)["_data"]


class Runner:
    """One program, and its tests one after the other in this process.

    Args:
        ending: what comes after a test; see `orders`.
        prelude: offer the names of the usual imports behind the builtins.
        dialogue: offer `__ask__`.
    """

    def __init__(
        self, source: bytes, place: Place, *, ending: str, prelude: bool, dialogue: bool
    ) -> None:
        self._source = source
        self._place = place
        self._ending = ending
        self._offered = calls.prelude() if prelude else {}
        if dialogue:
            self._offered["__ask__"] = calls.ask
        self._owner = os.getpid()
        self._environment = os.environ  # noqa: TID251  the jail's own, made by its zygote
        self._environment.pop("PYTHONHASHSEED", None)
        self._raw_environment = dict(_raw(self._environment))
        self._path = [place.work, *sys.path]

    def run(self) -> None:
        """Compile, then run a test for each frame on `go` until it closes."""
        sys.set_int_max_str_digits(0)
        # The zygote's, unless its hooks for forks were run.
        vars(threading.main_thread())["_native_id"] = threading.get_native_id()
        for number in range(orders.GO):
            os.dup2(number, _SPARE + number, inheritable=False)
        code = self._compile()
        self._report(orders.READY, 0)
        while frame := os.read(orders.GO, _GO.size):
            action, seed = _GO.unpack(frame)
            self._test(code, seed, call=action == orders.RUN_CALL)
        os._exit(0)

    def _compile(self) -> CodeType:
        try:
            return compile(self._source, self._place.argv[0], "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            report = "".join(traceback.format_exception_only(error))
            os.write(2, report.encode("utf-8", "replace")[: 1 << 15])
            self._report(orders.NOT_COMPILED, 0)
            os._exit(1)

    def _test(self, code: CodeType, seed: int, *, call: bool) -> None:
        given = calls.whole_input() if call else b""
        stage = self._set_stage(seed)
        module = _fresh_main(self._place, self._offered)
        kind, number, body = orders.DONE, 0, b""
        with calls.Caught() as caught:
            exec(code, module.__dict__)  # noqa: S102  what a jail is for
            if call:
                kind, body = calls.answer(module.__dict__, given)
        if caught.error is not None:
            kind, number = _explain(caught.error, stage)
        if self._ending == orders.REAL_SHUTDOWN or os.getpid() != self._owner:
            self._leave(kind, number, body)
        self._finish(module, stage)
        if self._ending == orders.QUICK_EXIT:
            gc.collect()
            _flush(stage)
        self._report(kind, len(body) or number, body)
        if self._ending == orders.QUICK_EXIT:
            os._exit(number)

    def _set_stage(self, seed: int) -> Sequence[TextIOWrapper]:
        """Put everything back to what a fresh interpreter has."""
        self._restore_descriptors()
        with contextlib.suppress(OSError):  # a pipe, in a conversation
            os.lseek(0, 0, os.SEEK_SET)
        os.chdir(self._place.work)
        self._sweep()
        link_stdin(self._place.stdin_file)
        if _raw(self._environment) != self._raw_environment:
            self._environment.clear()
            for name, value in self._raw_environment.items():
                self._environment[os.fsdecode(name)] = os.fsdecode(value)
        sys.path[:] = self._path
        sys.argv[:] = self._place.argv
        sys.setrecursionlimit(_RECURSION)
        sys.settrace(None)
        sys.setprofile(None)
        for number in _HANDLED:
            if _handler(number) != signal.SIG_DFL:
                signal.signal(number, signal.SIG_DFL)
        threading.stack_size(_THREAD_STACK_BYTES)
        decimal.setcontext(decimal.DefaultContext.copy())
        random.seed(seed)
        return _streams()

    def _restore_descriptors(self) -> None:
        for number in range(orders.GO):
            os.dup2(_SPARE + number, number)

    def _sweep(self) -> None:
        """Remove what an earlier test left in the work directory, where that is possible."""
        for entry in os.listdir("."):  # noqa: PTH208  a string all along
            if entry not in self._place.files and os.path.isfile(entry):  # noqa: PTH113  the same
                try:
                    os.unlink(entry)  # noqa: PTH108  the same
                except OSError:
                    return

    def _finish(self, module: ModuleType, stage: Sequence[TextIOWrapper]) -> None:
        """Do in this process what the end of a program does: threads, hooks, finalizers, flush."""
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
        with calls.Caught():
            self._run_hooks()
        with calls.Caught():
            module.__dict__.clear()
        _flush(stage)

    def _run_hooks(self) -> None:
        _run_exit_hooks()

    def _leave(self, kind: bytes, number: int, body: bytes) -> None:
        """Go through the interpreter's real shutdown: its hooks, threads, finalizers, streams."""
        if os.getpid() == self._owner and (body or kind not in (orders.DONE, orders.RAISED)):
            self._report(kind, len(body) or number, body)
        raise SystemExit(number)

    def _report(self, kind: bytes, number: int, body: bytes = b"") -> None:
        frame = _REPORT.pack(kind, number & 0xFFFFFFFF) + body[:MAX_BYTES]
        view = memoryview(frame)
        while view:
            view = view[os.write(orders.CONTROL, view) :]


def _streams() -> Sequence[TextIOWrapper]:
    """Make the standard streams anew, on descriptors that they do not own."""
    errors = "surrogateescape"
    source = BufferedReader(_raw_stream(0, "<stdin>"))
    sys.stdin = sys.__stdin__ = TextIOWrapper(source, "utf-8", errors)
    made = [
        TextIOWrapper(BufferedWriter(_raw_stream(1, "<stdout>")), "utf-8", errors, "\n"),
        TextIOWrapper(
            BufferedWriter(_raw_stream(2, "<stderr>")),
            "utf-8",
            "backslashreplace",
            "\n",
            line_buffering=True,
        ),
    ]
    sys.stdout, sys.stderr = made
    sys.__stdout__, sys.__stderr__ = made
    # The interpreter says so of its own too, and fast readers and writers choose by it.
    vars(sys.stdin)["mode"] = "r"
    for stream in made:
        vars(stream)["mode"] = "w"
    return made


def _raw_stream(number: int, name: str) -> FileIO:
    stream = FileIO(number, "r" if number == 0 else "w", closefd=False)
    vars(stream)["name"] = name
    return stream


def _fresh_main(place: Place, offered: dict[str, object]) -> ModuleType:
    module = ModuleType("__main__")
    names = vars(module)
    names["__file__"] = f"{place.work}/{place.argv[0]}"
    behind = {**offered, **vars(builtins)} if offered else builtins
    names["__builtins__"] = behind
    names["__annotations__"] = {}
    sys.modules["__main__"] = module
    return module


def _explain(error: BaseException, stage: Sequence[TextIOWrapper]) -> tuple[bytes, int]:
    """Return kind and exit code as the interpreter would give them, and print the traceback."""
    if isinstance(error, SystemExit):
        return _exit_code(error.code, stage)
    kind = orders.MEMORY if isinstance(error, MemoryError) else orders.RAISED
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    with calls.Caught() as caught:
        traceback.print_exception(error, file=stage[1])
    if caught.error is not None:
        os.write(2, b"an exception that cannot be printed\n")
    return kind, 1


def _exit_code(code: object, stage: Sequence[TextIOWrapper]) -> tuple[bytes, int]:
    if code is None:
        return orders.DONE, 0
    if isinstance(code, int):
        return orders.DONE, code & 0xFF
    with calls.Caught():
        print(code, file=stage[1])
    return orders.DONE, 1


def _flush(stage: Sequence[TextIOWrapper]) -> None:
    for stream in {id(stream): stream for stream in (sys.stdout, sys.stderr, *stage)}.values():
        with calls.Caught():
            stream.flush()
