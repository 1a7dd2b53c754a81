import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers import Catalog, Sample, type_reference
from rewardd_verifiers.builtin.choice import Choice

LINES = (Path(__file__).parent.parent / "cases" / "choice.jsonl").read_text().splitlines()
CASES = [pytest.param(case, id=case["why"]) for case in map(json.loads, LINES)]
WORDINGS = st.sampled_from(["The answer is ({})", "Answer: {}", "\\boxed{{{}}}", "选 {}", "{}"])


@pytest.mark.parametrize("case", CASES)
def test_an_answer_commits_to_one_choice(case: dict[str, Any]) -> None:
    verifier = Catalog().build("choice", case["params"])
    assert isinstance(verifier, Choice)
    reference: Any = type_reference(verifier, case["reference"])
    verdict = verifier.verify(Sample(completion=case["completion"], reference=reference))
    assert (verdict.score, verdict.reason) == (case["score"], case["reason"]), verdict


@given(gold=st.sampled_from("ABCDEFGH"), given_letter=st.sampled_from("ABCDEFGH"), wording=WORDINGS)
def test_a_letter_is_right_where_it_is_the_gold(gold: str, given_letter: str, wording: str) -> None:
    completion = f"Some thought about it.\n{wording.format(given_letter)}"
    verdict = Choice().verify(Sample(completion=completion, reference=gold))
    assert verdict.score == float(gold == given_letter)


@given(
    letters=st.lists(st.sampled_from("ABCD"), min_size=2, max_size=4, unique=True),
    joint=st.sampled_from([", ", " or ", " and ", "/", "、", "\n", ") ("]),
    wording=WORDINGS,
)
def test_listing_letters_never_pays(letters: list[str], joint: str, wording: str) -> None:
    completion = wording.format(joint.join(letters))
    verdict = Choice().verify(Sample(completion=completion, reference=letters[-1]))
    assert verdict.score == 0.0
