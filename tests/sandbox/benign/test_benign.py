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


@pytest.mark.parametrize("strict", [False, True], ids=["batch", "strict"])
@pytest.mark.parametrize("subject", load("benign/right.txt"), ids=lambda s: s.name)
async def test_a_right_program_passes(
    sandbox: LocalSandbox, subject: Subject, tier: Tier, *, strict: bool
) -> None:
    verdict = await judge(sandbox, subject.source, {"tests": _TESTS}, strict=strict)
    expected = 0.0 if subject.needs in _MISSING[tier] else 1.0
    assert verdict.score == expected, (subject.claim, verdict)
