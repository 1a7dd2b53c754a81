"""What the README shows is run as it stands, against the real service."""

import re
from pathlib import Path
from typing import Any

import pytest

from rewardd_client import Batch, settings

README = Path(__file__).parents[2] / "clients" / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_readme_has_examples() -> None:
    assert len(BLOCKS) == 4


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_runs(block: str) -> None:
    in_process = block.replace("http://127.0.0.1:8000", settings.LOCAL_URL)
    names: dict[str, Any] = {}

    exec(compile(in_process, str(README), "exec"), names)  # noqa: S102  # our own README

    batches = [value for value in names.values() if isinstance(value, Batch)]
    assert all(reward is not None for batch in batches for reward in batch.rewards)
