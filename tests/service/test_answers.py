import json
from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_service.answers import (
    MAX_DETAIL_CHARACTERS,
    MAX_EVIDENCE_CHARACTERS,
    plain_evidence,
    scored_or_not,
)
from rewardd_verifiers import Reason, Verdict


class Colour(StrEnum):
    RED = "red"


def _endless() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=5)
    | st.fractions(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.frozensets(st.integers(), max_size=3)
        | st.dictionaries(st.text(st.characters(), max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(), max_size=5), ODD, max_size=4))
def test_any_evidence_becomes_valid_json_and_msgpack(evidence: dict[str, object]) -> None:
    plain = plain_evidence(evidence)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(plain)) == plain


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(_endless(), id="contains_itself"),
        pytest.param(["x" * 1_000] * 10_000, id="wide"),
        pytest.param("x" * 10_000_000, id="long"),
        pytest.param({str(i): i for i in range(100_000)}, id="many_keys"),
        pytest.param({"k" * 1_000_000: 1}, id="long_key"),
        pytest.param([[["\U0001f600" * 500] * 300] * 300] * 300, id="wide_and_deep"),
        pytest.param(10**5_000, id="more_digits_than_python_prints"),
        pytest.param([2**80] * 100_000, id="many_big_integers"),
    ],
)
def test_evidence_of_any_size_is_bounded(value: object) -> None:
    encoded = json.dumps(plain_evidence({"value": value}), ensure_ascii=False)
    assert len(encoded) < 2 * MAX_EVIDENCE_CHARACTERS


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        pytest.param("\ud800a", "?a", id="lone_surrogate"),
        pytest.param(float("inf"), "inf", id="infinity"),
        pytest.param(Fraction(1, 3), "1/3", id="fraction"),
        pytest.param(Colour.RED, "red", id="enum"),
        pytest.param((1, True, None), [1, True, None], id="tuple"),
        pytest.param(2**63, str(2**63), id="beyond_64_bits"),
        pytest.param(2**63 - 1, 2**63 - 1, id="64_bits"),
    ],
)
def test_odd_values_become_plain_ones(value: object, plain: object) -> None:
    assert plain_evidence({"value": value}) == {"value": plain}


def test_a_detail_is_bounded_and_valid() -> None:
    answer = scored_or_not(0, Verdict.of(correct=True, detail="d" * 10_000_000 + "\ud800"))
    assert len(answer.detail) == MAX_DETAIL_CHARACTERS
    answer.detail.encode()


def _doctored(**fields: object) -> Verdict:
    verdict = Verdict.of(correct=True)
    for name, value in fields.items():
        object.__setattr__(verdict, name, value)
    return verdict


@pytest.mark.parametrize(
    "returned",
    [
        pytest.param(None, id="none"),
        pytest.param(1.0, id="number"),
        pytest.param(_doctored(score=float("nan")), id="nan"),
        pytest.param(_doctored(score=1.5), id="above_1"),
        pytest.param(_doctored(score="high"), id="text"),
        pytest.param(_doctored(score=None), id="reason_without_score"),
        pytest.param(_doctored(reason=Reason.FAULT), id="score_without_reason"),
        pytest.param(_doctored(reason="match"), id="reason_of_another_type"),
        pytest.param(_doctored(evidence=5), id="evidence_of_another_type"),
    ],
)
def test_what_is_no_verdict_is_refused(returned: object) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        scored_or_not(0, returned)


def test_a_score_is_a_plain_float() -> None:
    answer = scored_or_not(3, _doctored(score=Fraction(1, 2), reason=Reason.PARTIAL))
    assert (answer.job, answer.score, type(answer.score)) == (3, 0.5, float)


def test_an_empty_mapping_is_empty_evidence() -> None:
    evidence = cast("Mapping[str, Any]", {})
    assert scored_or_not(0, Verdict.of(correct=True, evidence=evidence)).evidence == {}
