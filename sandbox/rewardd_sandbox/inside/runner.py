"""Runs a Python submission's tests in the jail: no judge, only a stage that is swept between acts.

Everything here is the submission's to read and break; it can spoil nothing but its own answers.
"""

import atexit
import builtins
import gc
import os
import random
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, ModuleType

from rewardd_sandbox.inside import calls, orders, stage
from rewardd_sandbox.inside.codec import MAX_BYTES

_SPARE = 10
"""Where spare copies of descriptors 0, 1 and 2 stand: `open(0)` closes the original."""

_run_exit_hooks: Callable[[], object] = getattr(atexit, "_run_exitfuncs")  # noqa: B009  it has no public name
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
        self._ready = ready = stage.ready()
        self._used = False
        self._prelude = prelude
        self._dialogue = dialogue
        self._pristine = ready.pristine if ready else {}
        self._owner = os.getpid()
        self._environment = os.environ  # noqa: TID251  the jail's own, made by its zygote
        self._raw_environment = ready.environment if ready else {}
        self._path = [place.work, *sys.path]

    def run(self) -> None:
        """Compile, then run a test for each frame on `go` until it closes."""
        # The zygote's, unless its hooks for forks were run.
        vars(threading.main_thread())["_native_id"] = threading.get_native_id()
        if self._ending == orders.NEXT_TEST:
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
        behind = self._behind()
        streams = self._set_stage(seed)
        module = _fresh_main(self._place, behind)
        kind, number, body = orders.DONE, 0, b""
        with calls.Caught() as caught:
            exec(code, module.__dict__)  # noqa: S102  what a jail is for
            if call:
                kind, body = calls.answer(module.__dict__, given)
        if caught.error is not None:
            kind, number = _explain(caught.error, streams)
        if self._ending == orders.REAL_SHUTDOWN or os.getpid() != self._owner:
            self._leave(kind, number, body)
        self._finish(module, streams)
        if self._ending == orders.QUICK_EXIT:
            gc.collect()
            _flush(streams)
        self._report(kind, len(body) or number, body)
        if self._ending == orders.QUICK_EXIT:
            os._exit(number)

    def _first(self) -> stage.Ready | None:
        """Return what the zygote has prepared, for the first test."""
        return None if self._used else self._ready

    def _behind(self) -> dict[str, object] | ModuleType:
        """Return what the program's own names stand before."""
        if not self._prelude and not self._dialogue:
            return builtins
        behind = {**vars(builtins)}
        if self._prelude:
            ready = self._first()
            behind = dict(self._pristine) if ready is None else ready.offered
        if self._dialogue:
            behind["__ask__"] = calls.ask
        return behind

    def _set_stage(self, seed: int) -> stage.Streams:
        """Have everything as a fresh interpreter has it."""
        ready = self._first()
        self._used = True
        if ready is None:
            self._clear_stage()
        link_stdin(self._place.stdin_file)
        sys.path[:] = self._path
        sys.argv[:] = self._place.argv
        random.seed(seed)
        if stage.rewind() and ready is not None:
            return ready.streams
        return stage.streams()

    def _clear_stage(self) -> None:
        """Put back what an earlier test has changed."""
        self._restore_descriptors()
        os.chdir(self._place.work)
        self._sweep()
        if stage.raw(self._environment) != self._raw_environment:
            self._environment.clear()
            for name, value in self._raw_environment.items():
                self._environment[os.fsdecode(name)] = os.fsdecode(value)
        stage.settings()

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

    def _finish(self, module: ModuleType, streams: stage.Streams) -> None:
        """Do in this process what the end of a program does: threads, hooks, finalizers, flush."""
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
        with calls.Caught():
            self._run_hooks()
        with calls.Caught():
            module.__dict__.clear()
        _flush(streams)

    def _run_hooks(self) -> None:
        _run_exit_hooks()

    def _leave(self, kind: bytes, number: int, body: bytes) -> None:
        """Go through the interpreter's real shutdown: its hooks, threads, finalizers, streams."""
        if os.getpid() == self._owner and (body or kind not in (orders.DONE, orders.RAISED)):
            self._report(kind, len(body) or number, body)
        self._ready = None
        stage.forget()
        raise SystemExit(number)

    def _report(self, kind: bytes, number: int, body: bytes = b"") -> None:
        frame = _REPORT.pack(kind, number & 0xFFFFFFFF) + body[:MAX_BYTES]
        view = memoryview(frame)
        while view:
            view = view[os.write(orders.CONTROL, view) :]


def _fresh_main(place: Place, behind: dict[str, object] | ModuleType) -> ModuleType:
    module = ModuleType("__main__")
    names = vars(module)
    names["__file__"] = f"{place.work}/{place.argv[0]}"
    names["__builtins__"] = behind
    names["__annotations__"] = {}
    sys.modules["__main__"] = module
    return module


def _explain(error: BaseException, streams: stage.Streams) -> tuple[bytes, int]:
    """Return kind and exit code as the interpreter would give them, and print the traceback."""
    if isinstance(error, SystemExit):
        return _exit_code(error.code, streams)
    kind = orders.MEMORY if isinstance(error, MemoryError) else orders.RAISED
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    with calls.Caught() as caught:
        traceback.print_exception(error, file=streams[1])
    if caught.error is not None:
        os.write(2, b"an exception that cannot be printed\n")
    return kind, 1


def _exit_code(code: object, streams: stage.Streams) -> tuple[bytes, int]:
    if code is None:
        return orders.DONE, 0
    if isinstance(code, int):
        return orders.DONE, code & 0xFF
    with calls.Caught():
        print(code, file=streams[1])
    return orders.DONE, 1


def _flush(streams: stage.Streams) -> None:
    for stream in {id(stream): stream for stream in (sys.stdout, sys.stderr, *streams)}.values():
        with calls.Caught():
            stream.flush()
