"""What all verifiers of text promise, whatever a policy writes."""

import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardd_verifiers import (
    Catalog,
    InvalidReferenceError,
    Reason,
    Sample,
    Verdict,
    type_reference,
)
from rewardd_verifiers.builtin.choice import Question
from rewardd_verifiers.text.limits import MAX_COMPLETION_BYTES
from rewardd_verifiers.verifier import PureVerifier

NO_REFERENCE = {
    "format": {"template": "think-answer"},
    "tag_count": {},
    "reasoning_steps": {},
    "repetition": {},
    "overlong": {"length_unit": "characters", "limit": 40, "buffer": 30},
    "max_length": {"target": 10, "length_unit": "words"},
    "up_to_length": {"target": 10, "length_unit": "words"},
    "language": {"target": "de", "min_words": 1},
}
WITH_REFERENCE = {"exact": "C", "text_match": "C", "choice": "C"}
READING = sorted(
    (NO_REFERENCE.keys() | WITH_REFERENCE) - {"overlong", "max_length", "up_to_length"}
)
ALL = sorted(NO_REFERENCE.keys() | WITH_REFERENCE)
PIECES = st.sampled_from(
    [
        *(
            "<think>",
            "</think>",
            "<answer>",
            "</answer>",
            "\n",
            " ",
            "\\boxed{",
            "}",
            "{",
            "C",
            "(c)",
        ),
        *(
            "the answer is ",
            "not ",
            "答案是",
            "選",
            "option ",
            "```",
            "python",
            "$",
            "$$",
            "\\[",
            "\\begin{a}",
        ),
        *(
            "\ud800",
            "\udc00",
            "\x00",
            "\u200b",
            "\u0301",
            "ﷺ",
            "Ｃ",
            "ñandú",
            "カナ",
            "漢字",
            "слово",
            "Step 1:",
        ),
        *("1.", "- ", "E. coli", "das ist", "we are", "İ", "İstanbul", "'", "x"),
    ]
)
COMPLETIONS = st.lists(PIECES, max_size=30).map("".join)


@cache
def _build(name: str) -> PureVerifier[object]:
    verifier = Catalog().build(name, NO_REFERENCE.get(name, {}))
    assert isinstance(verifier, PureVerifier)
    return verifier


def _verify(name: str, completion: str) -> Verdict:
    sample: Sample[object] = Sample(completion=completion, reference=WITH_REFERENCE.get(name))
    return _build(name).verify(sample)


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=60)
@given(completion=COMPLETIONS)
def test_a_verdict_is_repeatable_json_in_valid_utf8(name: str, completion: str) -> None:
    verdict = _verify(name, completion)
    shown = json.dumps([verdict.detail, verdict.evidence], ensure_ascii=False)
    assert shown.encode("utf-8")
    assert verdict == _verify(name, completion)
    assert verdict.score is None or 0.0 <= verdict.score <= 1.0


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=20)
@given(completion=st.text(max_size=2000).map(lambda text: text + "z" * 600))
def test_evidence_is_bounded(name: str, completion: str) -> None:
    verdict = _verify(name, completion)
    assert max((len(str(value)) for value in verdict.evidence.values()), default=0) <= 600
    assert len(verdict.detail) <= 512


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize(
    "text", ["x" * (MAX_COMPLETION_BYTES + 1), "漢" * (MAX_COMPLETION_BYTES // 3 + 1)]
)
def test_a_completion_over_a_mebibyte_earns_nothing(name: str, text: str) -> None:
    verdict = _verify(name, text)
    assert (verdict.score, verdict.reason) == (0.0, Reason.LIMIT_EXCEEDED)


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "<think>",
            "</think>",
            "<answer>",
            "\\boxed{",
            "\\boxed{C}",
            "```\n",
            "$",
            "\\[",
            "\\begin{a}",
            "\\a{",
        ),
        *(
            "the answer is C ",
            "option A, ",
            "A\n",
            "not ",
            "a b ",
            "\u0301\u0323",
            "\ufdfa",
            "中文。",
            "de la\n",
        ),
    ],
    ids=ascii,
)
def test_a_hostile_mebibyte_is_judged(name: str, unit: str) -> None:
    body = unit * ((MAX_COMPLETION_BYTES - 4096) // len(unit.encode()))
    verdict = _verify(name, f"{body}</think>{body[:1000]}")
    assert "are read" not in verdict.detail, "the limit was met, and nothing was judged"
    assert verdict == _verify(name, f"{body}</think>{body[:1000]}")


@pytest.mark.parametrize("name", sorted(NO_REFERENCE))
def test_what_needs_no_reference_does_not_ask_for_one(name: str) -> None:
    assert "reference" not in _build(name).inputs()


@pytest.mark.parametrize("name", sorted(WITH_REFERENCE))
def test_what_needs_a_reference_asks_for_it(name: str) -> None:
    assert _build(name).inputs() == {"reference"}


@pytest.mark.parametrize(
    ("name", "raw", "typed"),
    [
        ("choice", {"answer": "C", "options": ["x"]}, Question("C", ["x"])),
        ("choice", {"answer": 2, "options": {"A": "x"}}, Question(2, {"A": "x"})),
        ("choice", ["A", "B"], ["A", "B"]),
        ("text_match", ["a", "b"], ["a", "b"]),
        ("format", {"any": "thing"}, {"any": "thing"}),
        ("max_length", None, None),
    ],
)
def test_a_reference_from_the_wire_is_typed(name: str, raw: object, typed: object) -> None:
    assert type_reference(_build(name), raw) == typed


@pytest.mark.parametrize(
    ("name", "raw"),
    [("choice", 3), ("choice", {"options": ["x"]}), ("text_match", []), ("text_match", 7)],
)
def test_a_reference_of_another_type_is_refused(name: str, raw: object) -> None:
    with pytest.raises(InvalidReferenceError):
        type_reference(_build(name), raw)
