"""What operators wish of containers, told as text."""

import pytest

from rewardd_sandbox.containers.engine import open_sandbox
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.tiers import Tier


def test_wishes_are_read_by_their_names() -> None:
    wishes = {"image": "ours", "runtime": "runsc", "memory_mib": "2048", "min_tier": "userns"}
    options = DockerOptions.of(wishes)
    assert (options.image, options.runtime, options.memory_mib) == ("ours", "runsc", 2048)
    assert (options.min_tier, options.slots, options.engine) == (Tier.USERNS, 1, None)


@pytest.mark.parametrize(
    "wishes",
    [
        pytest.param({}, id="no_image"),
        pytest.param({"image": "ours", "privileged": "yes"}, id="no_such_option"),
        pytest.param({"image": "ours", "tasks": "many"}, id="no_number"),
        pytest.param({"image": "ours", "min_tier": "none"}, id="no_tier"),
    ],
)
def test_what_is_no_wish_is_refused(wishes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"options|int|Tier"):
        open_sandbox(**wishes)


def test_nothing_is_done_before_the_sandbox_starts() -> None:
    assert open_sandbox(image="ours", engine="unix:///nowhere").facts["tier"] == "none"
