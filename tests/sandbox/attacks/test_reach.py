"""Nothing of the host, of us or of other submissions is within reach of a jail."""

import os
import tempfile

import pytest

from jail_checks import python, run
from jail_programs import Subject, load
from rewardd_sandbox import UnavailableError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier


@pytest.mark.parametrize("alone", [False, True], ids=["batch", "alone"])
@pytest.mark.parametrize("subject", load("attacks/reach.txt"), ids=lambda s: s.name)
async def test_what_is_not_theirs_cannot_be_reached(
    sandbox: LocalSandbox, subject: Subject, *, alone: bool
) -> None:
    (answer,) = await run(sandbox, python(subject.source), b"", alone=alone)
    assert b"BREACH" not in answer.stdout + answer.stderr_tail, subject.claim
    assert answer.stdout.endswith(b"done\n"), answer


_TRUNCATE = "import os\ntry:\n    os.truncate({!r}, 0)\nexcept OSError as error:\n    print(error)"


@pytest.mark.parametrize("only", [Tier.UID, Tier.USER])
@pytest.mark.parametrize("landlock", [1, 3], ids=["abi1", "abi3"])
@pytest.mark.usefixtures("traces")
async def test_files_of_the_host_cannot_be_cut_short(only: Tier, landlock: int) -> None:
    """These tiers keep the host's root, and Landlock knows `truncate` from its third version on."""
    with tempfile.NamedTemporaryFile() as victim:
        os.fchmod(victim.fileno(), 0o666)
        victim.write(b"precious")
        victim.flush()
        try:
            async with LocalSandbox(Options(slots=1, only_tier=only, landlock_cap=landlock)) as box:
                (answer,) = await run(box, python(_TRUNCATE.format(victim.name)), b"")
        except UnavailableError as error:
            pytest.skip(f"tier {only} cannot start here: {error}")
        assert (os.fstat(victim.fileno()).st_size, answer.exit_code) == (8, 0)
