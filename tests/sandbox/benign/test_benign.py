"""Right programs pass, in batch and in fresh processes alike."""

import pytest

from jail_checks import judge
from jail_programs import Subject, load
from rewardd_sandbox.local import LocalSandbox
from rewardd_sandbox.tiers import Tier

_TESTS = [{"stdin": f"{n} {n + 1} {n * n}\n", "stdout": f"{n + n + 1 + n * n}\n"} for n in range(3)]
_MISSING = {
    Tier.FULL: set[str](),
    Tier.USERNS: {"processes"},
    Tier.UID: {"processes", "files"},
    Tier.USER: {"processes", "files"},
}
"""What a tier is documented not to offer."""


_RIGHT = load("benign/right.txt")
_ELSEWHERE = load("benign/languages.txt")


def _expected(subject: Subject, tier: Tier) -> float:
    return 0.0 if subject.needs in _MISSING[tier] else 1.0


def _reference(subject: Subject) -> dict[str, object]:
    tests = subject.tests or _TESTS
    return {"tests": tests, "compare": subject.compare, "limits": subject.limits}


def _broken(subject: Subject) -> dict[str, object]:
    """Return a reference whose last test is wrong: what a twin of the program would give."""
    *tests, last = subject.tests or _TESTS
    return {**_reference(subject), "tests": [*tests, {**last, "stdout": f"{last['stdout']}1"}]}


@pytest.mark.parametrize("strict", [False, True], ids=["batch", "strict"])
@pytest.mark.parametrize("subject", _RIGHT, ids=lambda s: s.name)
async def test_a_right_program_passes(
    sandbox: LocalSandbox, subject: Subject, tier: Tier, *, strict: bool
) -> None:
    verdict = await judge(sandbox, subject.source, _reference(subject), strict=strict)
    assert verdict.score == _expected(subject, tier), (subject.claim, verdict)


@pytest.mark.parametrize("subject", _RIGHT, ids=lambda s: s.name)
async def test_what_it_prints_is_looked_at(sandbox: LocalSandbox, subject: Subject) -> None:
    verdict = await judge(sandbox, subject.source, _broken(subject))
    assert verdict.score == 0.0, (subject.claim, verdict)


_MANY = range(200_000)
_LARGE = {
    "a_million_numbers": (
        "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
        " ".join(["7"] * 1_000_000),
        "7000000",
    ),
    "many_lines": (
        "print(sum(int(input()) for _ in range(int(input()))))",
        "\n".join(map(str, [len(_MANY), *_MANY])),
        str(sum(_MANY)),
    ),
    "a_long_line": ("print(len(input()))", "a" * (5 << 20), str(5 << 20)),
    "twenty_megabytes": ("print('x' * (20 << 20))", "", "x" * (20 << 20)),
    "many_prints": ("for i in range(200000): print(i)", "", "\n".join(map(str, _MANY))),
    "many_flushes": (
        "for i in range(9999): print(i, flush=True)",
        "",
        "\n".join(map(str, range(9999))),
    ),
    "system_calls": (
        "import os\nassert os.write(1, b'y' * (1 << 20)) == 1 << 20",
        "",
        "y" * (1 << 20),
    ),
    "long_integers": ("print(int(input()) * 2)", "1" * 10_000, "2" * 10_000),
}


@pytest.mark.parametrize("name", _LARGE)
async def test_size_alone_is_no_fault(sandbox: LocalSandbox, name: str) -> None:
    source, given, expected = _LARGE[name]
    tests = [{"stdin": given, "stdout": expected}]
    right = await judge(sandbox, source, {"tests": tests})
    wrong = await judge(sandbox, source, {"tests": [{**tests[0], "stdout": f"{expected}1"}]})
    assert (right.score, wrong.score) == (1.0, 0.0), (right.detail[:200], wrong.detail[:200])


# What languages need differs least between neighbouring tiers, and compilers take their time.
@pytest.mark.parametrize("tier", [Tier.FULL, Tier.USER], indirect=True, ids=str, scope="session")
@pytest.mark.parametrize("subject", _ELSEWHERE, ids=lambda s: s.name)
async def test_a_right_program_passes_in_any_language(
    sandbox: LocalSandbox, subject: Subject, tier: Tier
) -> None:
    (report,) = await sandbox.check_languages([subject.language])
    if not report.available:
        pytest.skip(f"{subject.language}: {report.problem}")
    told = {"language": subject.language}
    right = await judge(sandbox, subject.source, _reference(subject), **told)
    wrong = await judge(sandbox, subject.source, _broken(subject), **told)
    assert (right.score, wrong.score) == (_expected(subject, tier), 0.0), (right, wrong)
