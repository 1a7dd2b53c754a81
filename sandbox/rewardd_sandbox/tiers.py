"""The tiers of isolation, what each stands on, and what to do when the kernel refuses one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """How well a jail is fenced off, best first."""

    FULL = "full"
    USERNS = "userns"
    UID = "uid"
    USER = "user"

    @property
    def letter(self) -> str:
        """The letter of the documentation's table."""
        return "ABCD"[self.rank]

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Tier).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """One way to reach a tier here.

    Attributes:
        drop_first: the zygote turns into the slot's user before anything else.
        separate_users: jails run as users of their own.
    """

    tier: Tier
    namespaces: bool = False
    user_namespace: bool = False
    cgroup: bool = False
    drop_first: bool = False
    separate_users: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a tier cannot be had.

    Attributes:
        step: what the kernel refused; `message` has its words, `remedy` the setting that helps.
    """

    tier: Tier
    step: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"tier {self.tier.letter} ({self.tier}): {self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the probe found: the footing that works, if any, and why no better one does."""

    footing: Footing | None
    refusals: tuple[Refusal, ...] = ()

    @property
    def tier(self) -> Tier | None:
        """The tier that jails have here."""
        return None if self.footing is None else self.footing.tier


def footings(*, root: bool, only: Tier | None) -> Sequence[Footing]:
    """Return the ways to try, best first; with `only`, just those of one tier."""
    return [f for f in (_as_root() if root else _as_user()) if only in (None, f.tier)]


def _as_root() -> list[Footing]:
    return [
        Footing(tier=Tier.FULL, namespaces=True, cgroup=True, separate_users=True),
        Footing(tier=Tier.FULL, namespaces=True, user_namespace=True, cgroup=True, drop_first=True),
        Footing(tier=Tier.USERNS, namespaces=True, separate_users=True),
        Footing(tier=Tier.USERNS, namespaces=True, user_namespace=True, drop_first=True),
        Footing(tier=Tier.UID, separate_users=True),
        Footing(tier=Tier.USER, drop_first=True),
        Footing(tier=Tier.USER),
    ]


def _as_user() -> list[Footing]:
    return [
        Footing(tier=Tier.FULL, namespaces=True, user_namespace=True, cgroup=True),
        Footing(tier=Tier.USERNS, namespaces=True, user_namespace=True),
        Footing(tier=Tier.USER),
    ]


def remedy(step: str) -> str:
    """Return what an operator can do about a refused step."""
    return _REMEDIES.get(step, "run `rewardd doctor` on this machine and report what it prints")


_USER_NAMESPACES = (
    "allow user namespaces: sysctl user.max_user_namespaces=10000 and, on Ubuntu 24.04,"
    " sysctl kernel.apparmor_restrict_unprivileged_userns=0; in Docker start the container with"
    " --security-opt seccomp=deploy/seccomp.json, in Kubernetes with that profile as Localhost"
)
_REMEDIES = {
    "cgroup": "give this worker a writable cgroup: run it as a systemd service with Delegate=yes,"
    " or mount /sys/fs/cgroup writable into the container (--cgroupns private)",
    "user namespace": _USER_NAMESPACES,
    "mount namespace": _USER_NAMESPACES,
    "network namespace": _USER_NAMESPACES,
    "ipc namespace": _USER_NAMESPACES,
    "uts namespace": _USER_NAMESPACES,
    "pid namespace": _USER_NAMESPACES,
    "clone": _USER_NAMESPACES,
    "mount": "allow mounts in the container: --security-opt seccomp=deploy/seccomp.json, and on"
    " AppArmor hosts --security-opt apparmor=unconfined",
    "work directory": "allow mounts in the container: --security-opt seccomp=deploy/seccomp.json,"
    " and on AppArmor hosts --security-opt apparmor=unconfined",
    "landlock": "boot a kernel of at least 5.13 with Landlock in its lsm= list",
    "seccomp": "boot a kernel with CONFIG_SECCOMP_FILTER",
    "user": "keep CAP_SETUID and CAP_SETGID in the container, or start it as a plain user",
    "users": "run fewer workers on this machine: each slot needs two user numbers below 65520 that"
    " no other worker holds",
    "interpreter": "set sandbox_python to a Python >= 3.11 that all users of this machine can read",
}


def is_root() -> bool:
    """Whether this process may try what only root may."""
    return os.geteuid() == 0
