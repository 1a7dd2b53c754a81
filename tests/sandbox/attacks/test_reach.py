"""Nothing of the host, of us or of other submissions is within reach of a jail."""

import pytest

from jail_checks import python, run
from jail_programs import Subject, load
from rewardd_sandbox.local import LocalSandbox


@pytest.mark.parametrize("alone", [False, True], ids=["batch", "alone"])
@pytest.mark.parametrize("subject", load("attacks/reach.txt"), ids=lambda s: s.name)
async def test_what_is_not_theirs_cannot_be_reached(
    sandbox: LocalSandbox, subject: Subject, *, alone: bool
) -> None:
    (answer,) = await run(sandbox, python(subject.source), b"", alone=alone)
    assert b"BREACH" not in answer.stdout + answer.stderr_tail, subject.claim
    assert answer.stdout.endswith(b"done\n"), answer
