import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers import Reason, Sample
from rewardd_verifiers.builtin.exact import Exact
from rewardd_verifiers.builtin.text_match import MAX_ANSWER_CHARACTERS, Golds, TextMatch


@pytest.mark.parametrize(
    ("completion", "golds", "exact", "f1"),
    [
        pytest.param("Paris", "Paris", 1.0, 1.0, id="equal"),
        pytest.param(" the  PARIS. ", "Paris", 1.0, 1.0, id="case_article_punctuation_blanks"),
        pytest.param("the capital is Paris, France", "Paris", 0.0, 0.4, id="longer"),
        pytest.param("London", "Paris", 0.0, 0.0, id="wrong"),
        pytest.param("<think>Paris</think>London", "Paris", 0.0, 0.0, id="right_in_thinking"),
        pytest.param("<think>z</think><answer>Paris</answer>", "Paris", 1.0, 1.0, id="tags"),
        pytest.param("Lutetia", ["Paris", "Lutetia"], 1.0, 1.0, id="any_gold"),
        pytest.param("Ｐａｒｉｓ", "Paris", 1.0, 1.0, id="full_width"),
        pytest.param("Straße", "STRASSE", 1.0, 1.0, id="case_fold"),
        pytest.param("e\u0301cole", "école", 1.0, 1.0, id="composed"),
        pytest.param("«Paris»", "Paris", 1.0, 1.0, id="quotes"),
        pytest.param("हिन्दी", "हिन्द", 0.0, 0.0, id="vowel_signs_are_letters"),
        pytest.param("U.S.", "us", 1.0, 1.0, id="full_stops"),
        pytest.param("北京", "北京市", 0.0, 0.8, id="characters"),
        pytest.param("Paris Paris", "Paris", 0.0, 2 / 3, id="multiset"),
        pytest.param("", "Paris", 0.0, 0.0, id="empty"),
        pytest.param("The .", "Paris", 0.0, 0.0, id="nothing_left"),
    ],
)
def test_texts_are_compared_as_in_squad(
    completion: str, golds: Golds, exact: float, f1: float
) -> None:
    sample = Sample(completion=completion, reference=golds)
    assert TextMatch().verify(sample).score == exact
    assert TextMatch(mode="f1").verify(sample).score == pytest.approx(f1)


@pytest.mark.parametrize("golds", ["The", "", "...", ["Paris", "a"]])
def test_a_gold_of_which_nothing_is_left_leaves_the_sample_open(golds: Golds) -> None:
    verdict = TextMatch().verify(Sample(completion="", reference=golds))
    assert verdict.reason == Reason.INVALID_REFERENCE


def test_a_long_text_is_no_short_answer() -> None:
    text = "\ufdfa" * (MAX_ANSWER_CHARACTERS + 1)
    assert (
        TextMatch().verify(Sample(completion=text, reference="x")).reason == Reason.LIMIT_EXCEEDED
    )


def test_badly_ordered_marks_do_not_take_minutes() -> None:
    text = "x" + "\u0301" * 30_000 + "\u0323" * 30_000
    assert TextMatch().verify(Sample(completion=text, reference="x")).score == 0.0


def test_many_kinds_of_punctuation_are_taken_out() -> None:
    marks = "".join(map(chr, range(0x2018, 0x2028))) + "".join(map(chr, range(0x2E00, 0x2E2F)))
    assert TextMatch().verify(Sample(completion=f"é{marks}", reference="é")).score == 1.0


@given(st.text(), st.text())
def test_overlap_is_symmetric(one: str, other: str) -> None:
    verifier = TextMatch(mode="f1", part="whole")
    there = verifier.verify(Sample(completion=f"x{one}", reference=f"x{other}"))
    back = verifier.verify(Sample(completion=f"x{other}", reference=f"x{one}"))
    assert there.score == back.score


@given(st.text(alphabet="aé漢ß .,\u0301"))
def test_a_gold_matches_itself(gold: str) -> None:
    sample: Sample[Golds] = Sample(completion=f"x{gold}", reference=f"x{gold}")
    assert TextMatch(part="whole").verify(sample).score == 1.0


@pytest.mark.parametrize(
    ("verifier", "completion", "score", "reason"),
    [
        pytest.param(Exact(), " C \n", 1.0, Reason.MATCH, id="blanks"),
        pytest.param(Exact(), "c", 0.0, Reason.MISMATCH, id="case"),
        pytest.param(Exact(ignore_case=True), "c", 1.0, Reason.MATCH, id="case_ignored"),
        pytest.param(Exact(), "<think>C</think>", 0.0, Reason.NO_ANSWER, id="nothing"),
        pytest.param(Exact(), "<answer>C</answer> so", 1.0, Reason.MATCH, id="tags"),
        pytest.param(Exact(part="think"), "C</think>B", 1.0, Reason.MATCH, id="thinking"),
        pytest.param(Exact(part="whole"), "C</think>B", 0.0, Reason.MISMATCH, id="whole"),
    ],
)
def test_exact_compares_characters(
    verifier: Exact, completion: str, score: float, reason: Reason
) -> None:
    verdict = verifier.verify(Sample(completion=completion, reference="C"))
    assert (verdict.score, verdict.reason) == (score, reason)
