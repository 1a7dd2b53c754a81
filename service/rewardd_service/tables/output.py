"""Write results so that the file is whole or absent, and a killed run goes on where it was.

While a run goes on, its lines stand in `OUT.partial`, and `OUT.progress` says how far they are
valid. Each commit first brings the lines to the disk and then replaces the progress, so whatever
the moment of a kill, the progress describes lines that are there. What stands behind them is cut
off by the next run.
"""

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import msgspec

from rewardd_service.tables.parquet import write_results
from rewardd_service.tables.rows import TableError


class TakenError(TableError):
    """Another run, or the rest of a different one, stands in the way."""

    code = "output_taken"


class Progress(msgspec.Struct, frozen=True):
    """How far a run has come.

    Attributes:
        question: what was asked; lines of another question must not be continued.
        rows: of the input that are answered.
        digest: of these rows, so that a changed input is noticed.
        size: bytes of the lines that are valid.
        tally: sums for the report at the end.
    """

    question: dict[str, str]
    rows: int = 0
    digest: str = ""
    size: int = 0
    tally: dict[str, float] = {}


class Output(Protocol):
    """Takes lines of results."""

    def commit(self, text: bytes, progress: Progress) -> None:
        """Keep these lines, and that they bring the run to `progress`."""
        ...

    def finish(self) -> None:
        """Make the whole visible."""
        ...


class StreamOutput:
    """Lines to stdout as they come: nothing is kept, so nothing can be continued."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def commit(self, text: bytes, progress: Progress) -> None:
        """Write and flush; whoever reads sees each batch at once."""
        del progress
        self._stream.write(text)
        self._stream.flush()

    def finish(self) -> None:
        """Leave stdout as it is."""


class FileOutput:
    """A file that appears when it is complete; a Parquet table by its suffix, else lines.

    Attributes:
        progress: what an earlier run left; fresh if there was none.

    Raises:
        TakenError: another run is writing, or an unfinished one asked something else.
        TableError: the place cannot be written.
    """

    def __init__(self, path: Path, question: Mapping[str, str], *, restart: bool = False) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._progress_path = path.with_name(path.name + ".progress")
        self._stream = self._open()
        try:
            self.progress = self._find_progress(dict(question), restart=restart)
            self._stream.truncate(self.progress.size)
            self._stream.seek(self.progress.size)
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file; what was committed stays for the next run."""
        self._stream.close()

    def commit(self, text: bytes, progress: Progress) -> None:
        """Bring lines and progress to the disk, in this order.

        Raises:
            TableError: the disk does not take them.
        """
        try:
            self._stream.write(text)
            self._stream.flush()
            os.fsync(self._stream.fileno())
            _replace(self._progress_path, msgspec.json.encode(progress))
        except OSError as error:
            raise TableError(f"{self._path}: {error.strerror or error}") from error

    def finish(self) -> None:
        """Put the whole in place under its name, and clear away what was needed on the way.

        Raises:
            TableError: the disk does not take it.
        """
        try:
            if self._path.suffix == ".parquet":
                self._finish_table()
            else:
                self._partial.replace(self._path)
            self._progress_path.unlink(missing_ok=True)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise TableError(f"{self._path}: {error.strerror or error}") from error

    def _finish_table(self) -> None:
        table = self._path.with_name(self._path.name + ".table")
        with self._partial.open("rb") as lines:
            write_results(iter(lines), table)
        table.replace(self._path)
        # Without its progress the partial file means nothing: in this order a kill costs time only.
        self._progress_path.unlink(missing_ok=True)
        self._partial.unlink()

    def _open(self) -> BinaryIO:
        try:
            stream = self._partial.open("ab+")
        except OSError as error:
            raise TableError(f"{self._path}: {error.strerror or error}") from error
        try:
            # Released by the kernel when the process ends, kill -9 included.
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.close()
            raise TakenError(f"{self._path}: another run is writing it") from error
        # The other run may have finished in between; then this is its result under a new name.
        if not _is_at(self._partial, stream):
            stream.close()
            raise TakenError(f"{self._path}: another run has just written it")
        return stream

    def _find_progress(self, question: dict[str, str], *, restart: bool) -> Progress:
        fresh = Progress(question)
        if restart:
            self._progress_path.unlink(missing_ok=True)
            return fresh
        try:
            found = msgspec.json.decode(self._progress_path.read_bytes(), type=Progress)
        except FileNotFoundError:
            return fresh
        except msgspec.DecodeError as error:
            raise TakenError(
                f"{self._progress_path}: unreadable: {error}; use --restart"
            ) from error
        if os.fstat(self._stream.fileno()).st_size < found.size:
            return fresh
        self._refuse_other_question(found.question, question)
        return found

    def _refuse_other_question(self, old: dict[str, str], new: dict[str, str]) -> None:
        for name in sorted(old.keys() | new.keys()):
            was, now = old.get(name, "absent"), new.get(name, "absent")
            if was != now:
                raise TakenError(
                    f"{self._path}: an unfinished run had {name} {was}, this one has {now}: "
                    "finish that one, or use --restart to drop it"
                )


def _is_at(path: Path, stream: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot; then the rename reaches the disk a little later.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
