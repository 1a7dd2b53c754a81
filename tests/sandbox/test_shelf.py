"""Files that workers share: one makes them, all check them, and no stranger's is believed."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jail_checks import run
from rewardd_sandbox import Program
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.shelf import Shelf

_CONTENT = b"header" * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "mine"


def _stocked(folder: Path, at: Path, name: str = "a") -> Path:
    Shelf(folder).put(name, _CONTENT, at)
    (file,) = folder.glob(f"{name}.[0-9a-f]*")
    return file


def test_a_file_is_made_once_and_linked(folder: Path, place: Path, tmp_path: Path) -> None:
    file = _stocked(folder, place)
    assert Shelf(folder).take("a", tmp_path / "theirs")
    assert (tmp_path / "theirs").read_bytes() == place.read_bytes() == _CONTENT
    assert (tmp_path / "theirs").stat().st_ino == place.stat().st_ino == file.stat().st_ino
    assert file.stat().st_mode & 0o222 == 0


def test_what_is_not_there_is_not_taken(folder: Path, place: Path) -> None:
    assert not Shelf(folder).take("a", place)
    _stocked(folder, place)
    assert not Shelf(folder).take("b", place)


def test_a_damaged_file_is_thrown_away(folder: Path, place: Path, tmp_path: Path) -> None:
    file = _stocked(folder, place)
    file.chmod(0o600)
    file.write_bytes(_CONTENT[:-1])
    assert not Shelf(folder).take("a", tmp_path / "theirs")
    assert not file.exists()


def test_a_link_is_not_followed(folder: Path, place: Path, tmp_path: Path) -> None:
    file = _stocked(folder, place)
    file.unlink()
    file.symlink_to(place)
    assert not Shelf(folder).take("a", tmp_path / "theirs")


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_that_others_can_write_to_is_not_used(
    folder: Path, place: Path, mode: int
) -> None:
    folder.mkdir()
    folder.chmod(mode)
    Shelf(folder).put("a", _CONTENT, place)
    assert place.read_bytes() == _CONTENT
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_a_link_is_not_used(folder: Path, place: Path) -> None:
    folder.symlink_to(place.parent)
    Shelf(folder).put("a", _CONTENT, place)
    assert sorted(path.name for path in place.parent.iterdir()) == ["mine", "shelf"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make what belongs to another")
def test_a_folder_of_somebody_else_is_not_used(folder: Path, place: Path) -> None:
    folder.mkdir(0o755)
    os.chown(folder, 65534, 65534)
    Shelf(folder).put("a", _CONTENT, place)
    assert list(folder.iterdir()) == []


def test_a_shelf_keeps_few_files(folder: Path, tmp_path: Path) -> None:
    for number in range(7):
        _stocked(folder, tmp_path / f"mine{number}", f"n{number}")
    kept = sorted(file.name[:2] for file in folder.glob("*.*") if file.suffix != ".lock")
    assert len(kept) == 4
    assert "n6" in kept


async def test_only_one_makes_a_file_at_a_time(folder: Path) -> None:
    inside: list[int] = []

    async def make() -> None:
        async with Shelf(folder).making("a"):
            inside.append(1)
            assert len(inside) == 1
            await asyncio.sleep(0)
            inside.pop()

    await asyncio.gather(*(make() for _ in range(5)))
    assert inside == []


_HOLDER = """
import asyncio, sys
from pathlib import Path
from rewardd_sandbox.shelf import Shelf
async def main():
    async with Shelf(Path(sys.argv[1])).making("a"):
        print("held", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_maker_that_is_killed_lets_go(folder: Path) -> None:
    holder = subprocess.Popen(  # noqa: ASYNC220  it runs beside us
        [sys.executable, "-c", _HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder, holder.stdout as said:
        assert said.readline() == "held\n"
        waiting = asyncio.ensure_future(_make(folder))
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
        holder.kill()
        await asyncio.wait_for(waiting, 20)


async def _make(folder: Path) -> None:
    async with Shelf(folder).making("a"):
        pass


_HEADER = b"#include <bits/stdc++.h>\nint main() { std::cout << %d; }"


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One shelf for all tiers: to make a header takes seconds."""
    return tmp_path_factory.mktemp("common") / "shelf"


@pytest.mark.timeout(600)
async def test_a_second_worker_compiles_no_header(
    sandbox: LocalSandbox, common: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (report,) = await sandbox.check_languages(["cpp"])
    if not report.available:
        pytest.skip(report.problem)
    monkeypatch.setattr(Shelf, "ours", lambda: Shelf(common))
    first, second = [await _builds(sandbox, number) for number in range(2)]
    # The hello program and the source, and the header if nobody had made it.
    assert first in (2, 3)
    assert second == 2


async def _builds(like: LocalSandbox, number: int) -> int:
    async with LocalSandbox(Options(slots=1, only_tier=like.report.tier)) as box:
        files = {"main.cpp": _HEADER % number}
        program = Program(language="cpp", files=files, main="main.cpp")
        (answer,) = await run(box, program, b"")
        assert answer.stdout == b"%d" % number
        return box.builds
