import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers import Catalog, InvalidParamsError, Reason, Sample, Verdict
from rewardd_verifiers.builtin.max_length import MaxLength
from rewardd_verifiers.builtin.overlong import Overlong
from rewardd_verifiers.builtin.reasoning_steps import ReasoningSteps
from rewardd_verifiers.builtin.repetition import Repetition
from rewardd_verifiers.builtin.tag_count import TagCount
from rewardd_verifiers.builtin.up_to_length import UpToLength
from rewardd_verifiers.verifier import PureVerifier


def _judge(
    verifier: PureVerifier[object],
    completion: str = "",
    *,
    length: int | None = None,
    reference: object = None,
    prompt: str = "",
) -> Verdict:
    return verifier.verify(
        Sample(completion=completion, reference=reference, length=length, prompt=prompt)
    )


@pytest.mark.parametrize(
    ("length", "score"),
    [(0, 0.0), (16_384, 0.0), (17_408, 0.25), (18_432, 0.5), (20_480, 1.0), (30_000, 1.0)],
)
def test_overlong_rises_over_the_buffer_and_stops_at_the_limit(length: int, score: float) -> None:
    assert _judge(Overlong(), length=length).score == score


@pytest.mark.parametrize("params", [{"limit": 10, "buffer": 11}, {"buffer": 0}, {"limit": 0}])
def test_a_buffer_outside_the_limit_is_refused(params: dict[str, object]) -> None:
    with pytest.raises(InvalidParamsError):
        Catalog().build("overlong", params)


@pytest.mark.parametrize("verifier", [Overlong(), MaxLength(target=1), UpToLength(target=1)])
def test_tokens_are_asked_for_and_never_guessed(verifier: PureVerifier[object]) -> None:
    assert verifier.inputs() == {"length"}
    assert _judge(verifier, "some words").reason == Reason.UNDECIDED


@pytest.mark.parametrize(
    ("verifier", "score"),
    [
        pytest.param(Overlong(limit=4, buffer=4, length_unit="words"), 0.75, id="words"),
        pytest.param(Overlong(limit=20, buffer=20, length_unit="characters"), 0.4, id="characters"),
        pytest.param(MaxLength(target=3, length_unit="words"), 1.0, id="target"),
    ],
)
def test_other_units_are_counted_here(verifier: PureVerifier[object], score: float) -> None:
    assert "length" not in verifier.inputs()
    assert _judge(verifier, "ab cd 漢字"[:7] + " ").score == pytest.approx(score)


@pytest.mark.parametrize(
    ("length", "near", "up_to"),
    [(0, 0.5, 1.0), (16_384, 1.0, 1.0), (32_768, 0.5, 0.5), (49_152, 0.0, 0.0), (90_000, 0.0, 0.0)],
)
def test_the_score_falls_with_the_distance_and_never_below_zero(
    length: int, near: float, up_to: float
) -> None:
    assert _judge(MaxLength(), length=length, reference=16_384).score == near
    assert _judge(UpToLength(target=16_384), length=length).score == up_to


@pytest.mark.parametrize("kind", [MaxLength, UpToLength])
@pytest.mark.parametrize("reference", [None, -1, True, "long", 1.5, ["1"]])
def test_a_reference_that_is_no_length_leaves_the_sample_open(
    kind: type[MaxLength | UpToLength], reference: object
) -> None:
    assert kind().inputs() == {"reference", "length"}
    assert _judge(kind(), length=3, reference=reference).reason == Reason.INVALID_REFERENCE


def test_a_length_may_be_text() -> None:
    assert _judge(MaxLength(), length=300, reference=" 300 ").score == 1.0


@pytest.mark.parametrize(
    ("verifier", "text", "score"),
    [
        pytest.param(Repetition(), "a b a b a b", 0.5, id="pairs"),
        pytest.param(Repetition(n=2), "so so so so so", 0.75, id="one_word"),
        pytest.param(Repetition(), "So so SO so so", 2 / 3, id="case"),
        pytest.param(Repetition(), "a b", 0.0, id="too_short"),
        pytest.param(Repetition(), "", 0.0, id="empty"),
        pytest.param(Repetition(), "one two three four", 0.0, id="all_new"),
        pytest.param(Repetition(), "我们我们我们我们", 0.5, id="characters"),
        pytest.param(Repetition(part="answer"), "a a a a a</think>one two three", 0.0, id="part"),
    ],
)
def test_repetition_is_the_share_of_grams_seen_before(
    verifier: Repetition, text: str, score: float
) -> None:
    assert _judge(verifier, text).score == pytest.approx(score)


@given(st.lists(st.text("abc", min_size=1), min_size=3, max_size=40, unique=True))
def test_new_words_repeat_nothing_and_saying_them_again_repeats_them(words: list[str]) -> None:
    text = " ".join(words)
    count = len(words)
    assert _judge(Repetition(), text).score == 0.0
    # Twice round, the grams are those of a ring, one for each word, among 2 * count - 2.
    again = _judge(Repetition(), f"{text} {text}").score
    assert again == pytest.approx(1 - count / (2 * count - 2))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        pytest.param("Step 1: a\nStep 2: b\nStep 3: c", 1.0, id="steps"),
        pytest.param("1. a\n2. b", 2 / 3, id="numbers"),
        pytest.param("- a\n* b\n  - c\n- d", 1.0, id="bullets"),
        pytest.param("First, a. Second, b. Finally, c.", 1.0, id="words"),
        pytest.param("Next, a", 1 / 3, id="one"),
        pytest.param("3.14 is pi\n-5 is negative\n**bold**", 0.0, id="no_marks"),
        pytest.param("", 0.0, id="empty"),
    ],
)
def test_steps_are_counted_up_to_three(text: str, score: float) -> None:
    assert _judge(ReasoningSteps(), text).score == pytest.approx(score)


WELL_FORMED = "<think>\nz\n</think>\n<answer>\na\n</answer>"


@pytest.mark.parametrize(
    ("verifier", "text", "prompt", "score"),
    [
        pytest.param(TagCount(), WELL_FORMED, "", 1.0, id="all"),
        pytest.param(
            TagCount(), "<think>\n\n</think>\n\n<answer>\n\n</answer>", "", 1.0, id="hollow"
        ),
        pytest.param(TagCount(), "<think>z</think>\n<answer>\na", "", 0.25, id="no_line_breaks"),
        pytest.param(TagCount(), f"{WELL_FORMED}\n</answer>", "", 0.75, id="twice"),
        pytest.param(TagCount(), "a", "", 0.0, id="none"),
        pytest.param(
            TagCount(), "\n<answer>\na\n</answer>\n<think>\nz\n</think>\n", "", 0.0, id="turned"
        ),
        pytest.param(
            TagCount(ordered=False),
            "\n<answer>\na\n</answer>\n<think>\nz\n</think>\n",
            "",
            1.0,
            id="turned_as_published",
        ),
        pytest.param(
            TagCount(), WELL_FORMED.removeprefix("<think>"), "Q <think>", 1.0, id="prefilled"
        ),
        pytest.param(TagCount(), WELL_FORMED, "Q <think>", 1.0, id="prefilled_and_written"),
    ],
)
def test_a_quarter_is_paid_for_each_tag(
    verifier: TagCount, text: str, prompt: str, score: float
) -> None:
    assert _judge(verifier, text, prompt=prompt).score == score
