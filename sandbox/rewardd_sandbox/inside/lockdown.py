"""The fence around a jail: what its zygote makes of it once, for all of them or for one."""

from rewardd_sandbox.inside import landlock, seccomp
from rewardd_sandbox.inside.orders import Order


class Fence:
    """The parts of a jail's fence that its zygote prepares once and its children share."""

    def __init__(self, *, contained: bool, roots: list[str], landlock_abi: int) -> None:
        self._contained = contained
        self._roots = roots
        self._abi = landlock_abi
        self._filters: dict[seccomp.Rules, bytes] = {}
        self._rules: int | None = None

    def filter(self, order: Order) -> bytes:
        """Return the system call filter for an order."""
        rules = seccomp.Rules(
            processes=order.processes,
            contained=self._contained,
            memfd=order.memfd,
            shared=order.shared,
        )
        if rules not in self._filters:
            self._filters[rules] = seccomp.assemble(rules)
        return self._filters[rules]

    @property
    def shares_rules(self) -> bool:
        """Whether the Landlock rules are the same for all jails.

        In a private root they are: the rule for writing stands on the directory above the mount
        point, which the kernel meets on its way up from any jail's own mount.
        """
        return self._contained

    def rules(self, order: Order) -> int | None:
        """Return a descriptor of Landlock rules, if any; the caller's to close if not shared.

        Raises:
            OSError: the kernel refused.
        """
        if self._abi == 0:
            return None
        if not self._contained:
            return landlock.ruleset(self._abi, self._host_rules(order))
        if self._rules is None:
            self._rules = self._private_rules()
        return self._rules

    def _private_rules(self) -> int:
        everything = [("/", landlock.READ), ("/sandbox", landlock.WRITE), *_devices()]
        return landlock.ruleset(self._abi, [*everything, ("/proc", landlock.READ)])

    def _host_rules(self, order: Order) -> list[tuple[str, int]]:
        rules = [(root, landlock.READ) for root in [*self._roots, order.work]]
        rules += [(path, landlock.WRITE) for path in order.writable if path.endswith("/")]
        rules += [(path, landlock.WRITE_ONE) for path in order.writable if path[-1] != "/"]
        return [*rules, *_devices()]


def _devices() -> list[tuple[str, int]]:
    """Return the rules for devices: what can be written to of /dev/zero is memory, if mapped."""
    names = ("zero", "random", "urandom")
    only_read = [(f"/dev/{name}", landlock.READ_FILE) for name in names]
    return [*only_read, *((f"/dev/{name}", landlock.WRITE_ONE) for name in ("null", "full"))]
