"""What an operator may choose about containers; pure values, nothing of an engine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rewardd_sandbox.tiers import Tier
from rewardd_sandbox.toolchains import SEARCH_PATH

COMMAND = ("python3", "-B", "-s", "-P", "-m", "rewardd_sandbox.containers.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerOptions:
    """How containers are made and how long they are kept.

    Attributes:
        image: has a Python >= 3.11, this package of the same version, and the toolchains.
        engine: URL of the engine, `unix://` or `tcp://`; None for what DOCKER_HOST says.
        runtime: of the engine, as "runsc"; None for its default one.
        seccomp: a profile's JSON text; None for the engine's own. The one that rewardd ships lets
            jails have namespaces: tier B in place of C.
        user: who the worker inside is; root without rights beyond a few can give each jail a user
            of its own, anybody else cannot.
        slots: how many submissions run at once, each in its own container; None for the
            processors that we may use.
        memory_mib: of a container, its scratch files included.
        tasks: processes and threads of a container.
        scratch_mib: of /tmp, the only place that can be written to.
        recycle_after: submissions after which a container is replaced.
        min_tier: refuse a container in which jails are weaker.
        python, search_path: see `local.Options`; of the image.
    """

    image: str
    engine: str | None = None
    runtime: str | None = None
    seccomp: str | None = None
    user: str = "0:0"
    slots: int | None = None
    memory_mib: int = 4096
    tasks: int = 512
    scratch_mib: int = 1024
    recycle_after: int = 500
    min_tier: Tier = Tier.USER
    python: str | None = None
    search_path: str = SEARCH_PATH
    command: tuple[str, ...] = COMMAND

    @classmethod
    def of(cls, wishes: Mapping[str, str]) -> "DockerOptions":
        """Return the options that plain text by their names comes to, one slot for each worker.

        Raises:
            ValueError: there is no such option, a number or tier is none, or no image is named.
        """
        unknown = wishes.keys() - {"image", "min_tier", *_NUMBERS, *_TEXTS}
        if unknown or "image" not in wishes:
            raise ValueError(f"no options of containers: {sorted(unknown or wishes)}")
        numbers = {name: int(wishes[name]) for name in _NUMBERS if name in wishes}
        texts = {name: wishes[name] for name in _TEXTS if name in wishes}
        tier = Tier(wishes.get("min_tier", Tier.USER))
        usual = cls(image=wishes["image"], slots=1, min_tier=tier)
        return replace(usual, **texts, **numbers)


_NUMBERS = ("slots", "memory_mib", "tasks", "scratch_mib", "recycle_after")
_TEXTS = ("engine", "runtime", "seccomp", "user", "python", "search_path")
