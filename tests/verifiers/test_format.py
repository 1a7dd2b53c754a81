import json
from pathlib import Path
from typing import Any

import pytest

from rewardd_verifiers import Catalog, InvalidParamsError, Reason, Sample
from rewardd_verifiers.builtin.format import Format

LINES = (Path(__file__).parent.parent / "cases" / "format.jsonl").read_text().splitlines()
CASES = [pytest.param(case, id=case["why"]) for case in map(json.loads, LINES)]


@pytest.mark.parametrize("case", CASES)
def test_a_layout_is_judged_by_its_first_broken_rule(case: dict[str, Any]) -> None:
    verifier = Catalog().build("format", case["params"])
    assert isinstance(verifier, Format)
    verdict = verifier.verify(
        Sample(
            completion=case["completion"],
            reference=None,
            prompt=case.get("prompt", ""),
            reasoning=case.get("reasoning"),
        )
    )
    assert verdict.evidence.get("rule") == case["rule"]
    assert verdict.score == float(case["rule"] is None)
    assert verdict.reason == (Reason.MATCH if case["rule"] is None else Reason.BAD_FORMAT)
    assert verdict.detail.startswith(case["rule"] or "")


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"template": "thinking"}, id="unknown_template"),
        pytest.param({"template": "think", "language": "python"}, id="language_without_a_fence"),
        pytest.param({"special_token": " "}, id="blank_token"),
        pytest.param({"think_tags": ["x", "x"]}, id="equal_marks"),
        pytest.param({"think_tags": "t", "answer_tags": "t"}, id="shared_marks"),
        pytest.param({"min_characters": 0}, id="nothing_asked_for"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(InvalidParamsError):
        Catalog().build("format", params)
