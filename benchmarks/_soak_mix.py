"""What `benchmarks.sandbox_soak` submits: programs with the score that each is owed."""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rewardd_sandbox.tiers import Tier

_SUITES = Path(__file__).parents[1] / "tests" / "sandbox"
_HEADING = re.compile(r"^=== (\w+): .+$", re.MULTILINE)
_HEADER = re.compile(r"^(limits|needs|tests|compare): (.+)\n", re.MULTILINE)
_BOUNDS = {"cpu_seconds": 0.2, "wall_seconds": 1.0}
"""Of programs that end only when they are ended."""
_EASY = {"cpu_seconds": 5.0, "wall_seconds": 60.0}

MARK = "soak"
"""Begins the name that hostile programs give to what they leave: with the soak's process id."""
IPC_KEY = 0x5EED50AC
"""The same for what has a number for a name."""

_PRODUCTS = [{"stdin": f"{a} {b}\n", "stdout": f"{a * b}\n"} for a, b in ((617, 911), (83, 1201))]
_SUMS = [{"stdin": f"{n} {n + 1} {n * n}\n", "stdout": f"{2 * n + 1 + n * n}\n"} for n in range(3)]
_CALLS = [{"args": [6, 7], "result": 42}, {"args": [2, 3], "result": 6}]
_ASSERTS = ["assert mul(6, 7) == 42", "assert mul(2, 3) == 6"]
_CHECK = "def check(candidate):\n    assert candidate(6, 7) == 42\n    assert candidate(2, 3) == 6"
_INTERACTOR = """
def interact(input, expected, read, write):
    secret = int(input)
    for _ in range(12):
        guess = int(read())
        write("<" if secret < guess else ">" if secret > guess else "=")
        if guess == secret:
            return True
    return False
"""
_BISECT = """
low, high, said = 1, 1000, ""
while said != "=":
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    low, high = (low, middle - 1) if said == "<" else (middle + 1, high)
"""
_CHECKER = "def check(input, output, expected):\n    return output.split() == expected.split()\n"
_CPP = "#include <iostream>\nint main() {{ long a, b; std::cin >> a >> b; {} }}\n"
_LEAVE = (
    "import contextlib, ctypes, mmap, os, signal, socket, sys, time\nlibc = ctypes.CDLL(None)\n"
)
_STAY = """
def stay():
    with contextlib.suppress(OSError):
        if os.fork() == 0:
            os.setsid()
            for number in range(1, 32):
                with contextlib.suppress(OSError, ValueError):
                    signal.signal(number, signal.SIG_IGN)
            libc.prctl(15, b"MARK"[:15], 0, 0, 0)
            os.close(1), os.close(2)
            time.sleep(3600)
"""
_PLANTS = r"""
for folder in ('', '/tmp', '/var/tmp', '/dev/shm', '/run', '/root', '.', os.environ['HOME']):
    with contextlib.suppress(OSError):
        open(folder + '/MARK', 'w').write('x')
---
libc.shmget(KEY, 4096, 0o1666), libc.semget(KEY, 4, 0o1666), libc.msgget(KEY, 0o1666)
---
for ring in (-1, -2, -3, -4, -5):
    libc.syscall(248, b'user', b'MARK', b'x' * 64, 64, ring)
---
libc.syscall(240, b'MARK', 0o102, 0o666, None)
---
with contextlib.suppress(OSError):
    s = socket.socket(socket.AF_UNIX); s.bind('\0MARK'); s.listen()
    stay()
---
with contextlib.suppress(OSError):
    s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen()
    stay()
---
with contextlib.suppress(Exception):
    from multiprocessing import shared_memory
    m = shared_memory.SharedMemory('MARK', create=True, size=1 << 20)
    os._exit(0)
---
import glob
for place in glob.glob('/sys/fs/cgroup/*') + ['/sys/fs/cgroup']:
    with contextlib.suppress(OSError):
        os.mkdir(place + '/MARK')
---
libc.unshare(0x10020000)
for place in (b'/tmp', b'/', b'.', b'/proc'):
    libc.mount(b'MARK', place, b'tmpfs', 0, None)
stay()
---
stay(); stay(); os.abort()
---
fd = libc.memfd_create(b'MARK', 0)
os.truncate(fd, 1 << 20) if fd >= 0 else None
stay()
---
r, w = os.pipe(); a, b = socket.socketpair()
with contextlib.suppress(OSError):
    socket.send_fds(a, [b'x'], [r, w, b.fileno()])
stay(); os.kill(os.getpid(), 9)
"""
"""One after the other, between dashes."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A program, and what it is owed."""

    name: str
    source: str
    reference: dict[str, object]
    owed: float
    language: str = "python"
    limits: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def completion(self) -> str:
        """Return it as a policy would hand it in."""
        return f"```{self.language}\n{self.source}\n```"

    @property
    def whole_reference(self) -> dict[str, object]:
        """Return the tests with their limits; shapes of data sets have no place for limits."""
        return {**self.reference, "limits": self.limits} if self.limits else self.reference


class Mix:
    """All subjects, in groups by how often they come.

    Args:
        tier: leave out what its documentation says it does not offer.
        mark: what hostile programs name that which they leave.
        cpp: whether there is a compiler.
    """

    def __init__(self, tier: Tier, mark: str, *, cpp: bool) -> None:
        groups = _groups(tier, mark)
        self._groups = [group for group in groups if cpp or group[1][0].language != "cpp"]

    def each(self) -> list[Subject]:
        """Return every subject once."""
        return [subject for _, subjects in self._groups for subject in subjects]

    def drawn(self, seed: int, number: int) -> Iterator[Subject]:
        """Yield so many subjects."""
        chance = random.Random(seed)  # noqa: S311  no secret
        weights = [weight for weight, _ in self._groups]
        for _, subjects in chance.choices(self._groups, weights, k=number):
            yield chance.choice(subjects)


def _groups(tier: Tier, mark: str) -> Sequence[tuple[float, Sequence[Subject]]]:
    return (
        (25, _right(tier)),
        (30, _small()),
        (10, _compiled()),
        (4, _interactive()),
        (12, _suite("attacks/rewards.txt", {"tests": _PRODUCTS}, 0.0)),
        (6, _suite("attacks/calls.txt", {"kind": "call", "entry": "mul", "tests": _CALLS}, 0.0)),
        (5, _suite("attacks/reach.txt", {"tests": _PRODUCTS}, 0.0)),
        (1, _suite("attacks/exhaust.txt", {"tests": _PRODUCTS}, 0.0)),
        (6, _planting(mark)),
        (1, _endless()),
    )


def _right(tier: Tier) -> Sequence[Subject]:
    missing = {Tier.FULL: "", Tier.USERNS: "processes"}.get(tier, "processes files")
    return _suite("benign/right.txt", {"tests": _SUMS}, 1.0, missing)


def _suite(
    name: str, reference: dict[str, object], owed: float, missing: str = ""
) -> Sequence[Subject]:
    """Read one of the suites' files of programs, without those that need what is missing."""
    pieces = _HEADING.split((_SUITES / name).read_text(encoding="utf-8"))[1:]
    found: list[Subject] = []
    for title, text in zip(pieces[::2], pieces[1::2], strict=True):
        source = text.lstrip("\n")
        told: dict[str, str] = {}
        while (header := _HEADER.match(source)) is not None:
            told[header[1]] = header[2]
            source = source[header.end() :]
        if told.get("needs", "-") in missing.split():
            continue
        asked = {**reference, **_asked(told)}
        limits = _BOUNDS if owed == 0.0 else {}
        found.append(Subject(f"{name}:{title}", source, asked, owed, limits=limits))
    return found


def _asked(told: Mapping[str, str]) -> dict[str, object]:
    """Return the tests and the comparison that a program brings of its own."""
    asked: dict[str, object] = {}
    if "tests" in told:
        pairs: list[list[str]] = json.loads(told["tests"])
        asked["tests"] = [{"stdin": given, "stdout": expected} for given, expected in pairs]
    if "compare" in told:
        asked["compare"] = told["compare"]
    return asked


def _small() -> Sequence[Subject]:
    """Return small programs of every kind of test, right and wrong."""
    call: dict[str, object] = {"kind": "call", "entry": "mul", "tests": _CALLS}
    asserts: dict[str, object] = {"test_list": _ASSERTS}
    check: dict[str, object] = {"prompt": "", "entry_point": "mul", "test": _CHECK}
    told: dict[str, object] = {"tests": _PRODUCTS}
    checker = {"language": "python", "source": _CHECKER}
    checked: dict[str, object] = {"tests": _PRODUCTS, "checker": checker}
    right, wrong = "def mul(a, b):\n    return a * b", "def mul(a, b):\n    return a + b"
    whole = "a, b = map(int, input().split())\nprint({})"
    array = "import numpy\nprint(int(numpy.array(input().split(), dtype=int).prod()))"
    shapes = [("call", call), ("asserts", asserts), ("check", check)]
    return [
        *(Subject(f"{name}:right", right, shape, 1.0) for name, shape in shapes),
        *(Subject(f"{name}:wrong", wrong, shape, 0.0) for name, shape in shapes),
        *(Subject(f"{name}:raises", "def mul(a, b):\n    return a / 0", shape, 0.0)
          for name, shape in shapes),
        Subject("stdin:right", whole.format("a * b"), told, 1.0),
        Subject("stdin:wrong", whole.format("a + b"), told, 0.0),
        Subject("stdin:syntax", "print(1", told, 0.0),
        Subject("stdin:numpy", array, told, 1.0),
        Subject("checker:right", whole.format("a * b"), checked, 1.0),
        Subject("checker:wrong", whole.format("a - b"), checked, 0.0),
    ]  # fmt: skip


def _compiled() -> Sequence[Subject]:
    told: dict[str, object] = {"tests": _PRODUCTS, "language": "cpp"}
    bounds = {"endless": _BOUNDS}
    bodies = {
        "right": ("std::cout << a * b;", 1.0),
        "wrong": ("std::cout << a - b;", 0.0),
        "crash": ("volatile int *p = nullptr; *p = 1; std::cout << a * b;", 0.0),
        "endless": ("for (volatile int i = 0;; i = i + 1) {}", 0.0),
        "syntax": ("std::cout << a * ;", 0.0),
    }
    return [
        Subject(f"cpp:{name}", _CPP.format(body), told, owed, "cpp", bounds.get(name, _EASY))
        for name, (body, owed) in bodies.items()
        for _ in range(1 if name == "endless" else 4)
    ]  # fmt: skip


def _interactive() -> Sequence[Subject]:
    reference: dict[str, object] = {
        "kind": "interactive",
        "interactor": {"language": "python", "source": _INTERACTOR, "protocol": "function"},
        "tests": [{"stdin": "7\n"}, {"stdin": "983\n"}],
    }
    stubborn = "while True:\n    print(1, flush=True)\n    input()"
    return [
        Subject("interactive:right", _BISECT, reference, 1.0),
        Subject("interactive:wrong", stubborn, reference, 0.0),
        Subject("interactive:silent", "print(500, flush=True)", reference, 0.0),
    ]


def _planting(mark: str) -> Sequence[Subject]:
    """Return programs that leave all kinds of things behind, under a name to look for."""
    named = [
        (_LEAVE + _STAY + plant).replace("MARK", mark).replace("KEY", str(IPC_KEY))
        for plant in _PLANTS.split("---\n")
    ]
    told: dict[str, object] = {"tests": _PRODUCTS}
    return [
        Subject(f"plant:{number}", source, told, 0.0, limits=_BOUNDS)
        for number, source in enumerate(named)
    ]


def _endless() -> Sequence[Subject]:
    told: dict[str, object] = {"tests": _PRODUCTS}
    sources = {"loop": "while True: pass", "sleep": "import time\ntime.sleep(100)"}
    return [
        Subject(f"endless:{name}", source, told, 0.0, limits=_BOUNDS)
        for name, source in sources.items()
    ]
