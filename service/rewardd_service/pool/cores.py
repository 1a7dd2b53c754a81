"""How many cores this process may use: by affinity and by the quota of its cgroup."""

import math
import os
from pathlib import Path
from typing import Final

_MOUNT: Final = Path("/sys/fs/cgroup")
_MEMBERSHIP: Final = Path("/proc/self/cgroup")


def usable_cores(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> int:
    """Return the number of cores, at least 1; part of a core in a quota counts as one.

    In a container the machine's cores are visible and the quota is what one gets: as many
    workers as visible cores would throttle each other.
    """
    cores = len(os.sched_getaffinity(0))
    quotas = [_unified_quota(mount, membership), _legacy_quota(mount, membership)]
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas if quota is not None)]))


def _unified_quota(mount: Path, membership: Path) -> float | None:
    """Return the smallest quota of cgroup v2 from here up to the root, in cores."""
    quotas: list[float] = []
    for folder in _lineage(mount, _path_in("", membership)):
        match _words(folder / "cpu.max"):
            case [quota, period] if quota != "max":
                quotas.append(int(quota) / int(period))
            case _:
                pass
    return min(quotas, default=None)


def _legacy_quota(mount: Path, membership: Path) -> float | None:
    """Return the smallest quota of cgroup v1 from here up to the root, in cores."""
    quotas: list[float] = []
    for folder in _lineage(mount / "cpu", _path_in("cpu", membership)):
        match [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]:
            case [quota, period] if int(quota) > 0:
                quotas.append(int(quota) / int(period))
            case _:
                pass
    return min(quotas, default=None)


def _path_in(controller: str, membership: Path) -> str:
    """Return where this process stands in the hierarchy of a controller ("" is v2's)."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return "/"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") or (not controller and not controllers):
            return path
    return "/"


def _lineage(mount: Path, path: str) -> list[Path]:
    """Return the folders from `path` up to the mount; in a container the mount may be the leaf."""
    leaf = mount / path.strip("/")
    return [leaf, *(folder for folder in leaf.parents if folder.is_relative_to(mount))]


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
