"""Version 2 of control groups, on a tree of plain files that look like the kernel's.

What only a kernel does is not here: that limits are kept, and that processes move. The suites'
programs show it for the version that this machine has mounted.
"""

import subprocess
from pathlib import Path

import pytest

from rewardd_sandbox.cgroups import Groups, GroupV2
from rewardd_sandbox.errors import SetupError

_CONTROLLERS = ("memory", "pids", "cpu,cpuacct")
_FILES = {
    "cgroup.procs": "",
    "cgroup.kill": "",
    "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
    "memory.current": "1048576\n",
    "memory.events": "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 1\n",
    "memory.max": "",
    "memory.oom.group": "",
    "memory.peak": "4096\n",
    "memory.swap.max": "",
    "pids.max": "",
}


def _folder(place: Path, *without: str) -> Path:
    """Make a group as the kernel would, with its files in it."""
    place.mkdir(parents=True)
    for name, text in _FILES.items():
        if name not in without:
            (place / name).write_text(text)
    return place


def _machine(root: Path, mountinfo: str, cgroup: str) -> Path:
    """Make what the kernel tells of mounts and groups."""
    about = root / "self"
    about.mkdir()
    (about / "mountinfo").write_text(mountinfo)
    (about / "cgroup").write_text(cgroup)
    return about


def _unified(root: Path, membership: str = "/svc", shown: str = "/") -> Path:
    line = f"31 23 0:28 {shown} {root}/mount rw,relatime - cgroup2 cgroup2 rw\n"
    return _machine(root, line, f"0::{membership}\n")


def test_limits_are_written_and_swap_is_shut(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "slot0")
    group = GroupV2(tmp_path, "slot0")
    group.limit(268435456, 12)
    assert (folder / "memory.max").read_text() == "268435456"
    assert (folder / "pids.max").read_text() == "12"
    assert (folder / "memory.swap.max").read_text() == "0"
    assert (folder / "memory.oom.group").read_text() == "0"


def test_counters_are_read(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "slot0")
    (folder / "cgroup.procs").write_text("17\n23\n")
    group = GroupV2(tmp_path, "slot0")
    assert (group.cpu_seconds(), group.memory_bytes(), group.kills()) == (2.5, 1048576, 2)
    assert group.pids() == {17, 23}


def test_a_peak_counts_only_beyond_all_runs_before(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "slot0")
    group = GroupV2(tmp_path, "slot0")
    group.limit(1 << 28, 12)
    assert group.peak_bytes() is None
    (folder / "memory.peak").write_text("8192\n")
    assert group.peak_bytes() == 8192
    group.limit(1 << 28, 12)
    assert group.peak_bytes() is None


def test_a_kernel_that_tells_no_peak_is_no_trouble(tmp_path: Path) -> None:
    _folder(tmp_path / "slot0", "memory.peak", "cgroup.kill", "memory.swap.max")
    group = GroupV2(tmp_path, "slot0")
    group.limit(1 << 28, 12)
    assert group.peak_bytes() is None


@pytest.mark.parametrize("without", [(), ("cgroup.kill",)], ids=["at_once", "one_by_one"])
def test_removing_kills_what_is_left(tmp_path: Path, without: tuple[str, ...]) -> None:
    folder = _folder(tmp_path / "slot0", *without)
    group = GroupV2(tmp_path, "slot0")
    with subprocess.Popen(["sleep", "900"]) as left:
        (folder / "cgroup.procs").write_text(f"{left.pid}\n")
        group.remove()
        assert left.wait(30) == -9


@pytest.mark.parametrize(
    ("membership", "shown", "below"),
    [
        pytest.param("/svc", "/", "svc", id="a_service_of_a_host"),
        pytest.param("/", "/", "", id="the_root_of_its_namespace"),
        pytest.param("/docker/abc", "/docker/abc", "", id="a_container_that_sees_its_part"),
        pytest.param("/svc/rewardd-worker", "/", "svc", id="a_worker_that_moved_to_its_leaf"),
    ],
)
def test_slots_stand_below_the_workers_own_group(
    tmp_path: Path, membership: str, shown: str, below: str
) -> None:
    own = tmp_path / "mount" / below
    own.mkdir(parents=True)
    about = _unified(tmp_path, membership, shown)
    _folder(own / "rewardd-sandbox-1-a" / "slot0")
    groups = Groups("rewardd-sandbox-1-a", about)
    groups.slot("slot0").limit(5 << 20, 3)
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    handed_on = own / "rewardd-sandbox-1-a" / "cgroup.subtree_control"
    assert handed_on.read_text() == "+memory +pids +cpu"
    limit = own / "rewardd-sandbox-1-a" / "slot0" / "memory.max"
    assert limit.read_text() == str(5 << 20)


def test_a_missing_controller_is_told(tmp_path: Path) -> None:
    (tmp_path / "mount" / "svc").mkdir(parents=True)
    _folder(tmp_path / "mount" / "svc" / "ours" / "slot0", "memory.max")
    groups = Groups("ours", _unified(tmp_path))
    (tmp_path / "mount" / "svc" / "ours" / "slot0" / "memory.events").unlink()
    with pytest.raises(SetupError, match="cgroup"):
        groups.slot("slot0")


@pytest.mark.parametrize(
    ("mountinfo", "cgroup"),
    [
        pytest.param("", "0::/\n", id="nothing_mounted"),
        pytest.param("31 23 0:28 / {root}/none rw - cgroup2 cgroup2 rw\n", "", id="no_membership"),
        pytest.param("31 23 0:28 / {root}/none rw - cgroup2 cgroup2 rw\n", "0::/\n", id="gone"),
    ],
)
def test_where_there_are_no_groups_it_is_said(tmp_path: Path, mountinfo: str, cgroup: str) -> None:
    about = _machine(tmp_path, mountinfo.format(root=tmp_path), cgroup)
    with pytest.raises(SetupError):
        Groups("ours", about)


def test_version_1_is_taken_where_it_holds_the_controllers(tmp_path: Path) -> None:
    lines = [
        f"3{n} 31 0:2{n} / {tmp_path}/v1/{names} rw - cgroup cgroup rw,{names}\n"
        for n, names in enumerate(_CONTROLLERS)
    ]
    unified = f"41 31 0:38 / {tmp_path}/v1/unified rw - cgroup2 cgroup2 rw\n"
    for names in (*_CONTROLLERS, "unified"):
        (tmp_path / "v1" / names).mkdir(parents=True)
    memberships = "4:memory:/\n8:pids:/\n2:cpu,cpuacct:/\n0::/\n"
    Groups("ours", _machine(tmp_path, "".join([*lines, unified]), memberships))
    assert all((tmp_path / "v1" / names / "ours").is_dir() for names in _CONTROLLERS)
    assert list((tmp_path / "v1" / "unified").iterdir()) == []
