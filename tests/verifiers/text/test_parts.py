import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers import Sample
from rewardd_verifiers.text import parts
from rewardd_verifiers.text.parts import Parts, Prefilled, Tags


def _sample(
    completion: str,
    *,
    prompt: str = "",
    reasoning: str | None = None,
    finish_reason: str | None = None,
) -> Sample[object]:
    return Sample(
        completion=completion,
        reference=None,
        prompt=prompt,
        reasoning=reasoning,
        finish_reason=finish_reason,
    )


@pytest.mark.parametrize(
    ("completion", "reasoning", "answer"),
    [
        pytest.param("<think>z</think>a", "z", "a", id="both_tags"),
        pytest.param("z</think>a", "z", "a", id="closing_tag_only"),
        pytest.param("<think>z", "z", "", id="opening_tag_only"),
        pytest.param("a", None, "a", id="no_tags"),
        pytest.param("", None, "", id="empty"),
        pytest.param("<think>z</think>y</think>a", "z</think>y", "a", id="last_closing_tag"),
        pytest.param("<think>z<think>y</think>a", "z<think>y", "a", id="first_opening_tag"),
        pytest.param("<think>z</think>a<think>y", "z</think>a<think>y", "", id="opened_again"),
        pytest.param("z</think>a<think>y", "z</think>a<think>y", "", id="opened_after_closing"),
        pytest.param("<think>z</think>b<answer>a</answer>c", "z", "a", id="answer_tags"),
        pytest.param("<answer>a</answer>", None, "a", id="answer_without_thinking"),
        pytest.param("<answer>a</answer><answer>b</answer>", None, "b", id="last_answer"),
        pytest.param("<answer>a</answer><answer>b", None, "a", id="last_complete_answer"),
        pytest.param("<answer>a<answer>b</answer>", None, "b", id="nested_answer"),
        pytest.param("<answer>a</answer>b</answer>", None, "a", id="answer_closed_twice"),
        pytest.param("</answer>a<answer>", None, "</answer>a<answer>", id="answer_tags_turned"),
        pytest.param(
            "<think><answer>a</answer>", "<answer>a</answer>", "", id="answer_in_thinking"
        ),
    ],
)
def test_a_completion_is_split(completion: str, reasoning: str | None, answer: str) -> None:
    found = parts.of(_sample(completion))
    assert (found.reasoning, found.answer) == (reasoning, answer)


@pytest.mark.parametrize(
    ("prompt", "prefilled", "completion", "expected"),
    [
        pytest.param("Q <think>\n", "auto", "z</think>a", Parts("z", "a", "a"), id="closed"),
        pytest.param("Q <think>", "auto", "z", Parts("z", "", ""), id="never_closed"),
        pytest.param("Q", True, "z", Parts("z", "", ""), id="said_so"),
        pytest.param("Q <think>", False, "a", Parts(None, "a", "a"), id="denied"),
        pytest.param("<think> Q", "auto", "a", Parts(None, "a", "a"), id="tag_elsewhere"),
        pytest.param("Q", True, "z<think>y</think>a", Parts("z<think>y", "a", "a"), id="again"),
    ],
)
def test_a_prompt_may_open_the_thinking(
    prompt: str, prefilled: Prefilled, completion: str, expected: Parts
) -> None:
    assert parts.of(_sample(completion, prompt=prompt), prefilled=prefilled) == expected


def test_thinking_handed_over_apart_is_the_thinking() -> None:
    sample = _sample("a", reasoning="z", prompt="Q <think>")
    found = parts.of(sample)
    assert (found.reasoning, found.answer) == ("z", "a")
    assert parts.pick(sample, found, "whole") == "z\na"
    assert parts.pick(sample, found, "think") == "z"


def test_thinking_in_both_places_is_joined() -> None:
    found = parts.of(_sample("y</think>a", reasoning="z"))
    assert (found.reasoning, found.answer) == ("z\ny", "a")


@pytest.mark.parametrize(
    ("finish_reason", "answer"), [("stop", "7"), ("length", "<answer>7"), (None, "<answer>7")]
)
def test_an_open_answer_counts_where_generation_stopped_by_itself(
    finish_reason: str | None, answer: str
) -> None:
    found = parts.of(_sample("z</think><answer>7", finish_reason=finish_reason))
    assert (found.answer, found.answer_open) == (answer, True)


def test_marks_are_parameters() -> None:
    tags = Tags(think=("[THINK]", "[/THINK]"), answer="final")
    found = parts.of(_sample("[THINK]z[/THINK]<final>a</final>"), tags=tags)
    assert (found.reasoning, found.answer) == ("z", "a")


@pytest.mark.parametrize("marks", [("", "x"), (" ", "x"), ("x", "x"), ("x", "/x")])
def test_marks_that_cannot_be_told_apart_are_refused(marks: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot mark off"):
        Tags(think=marks)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "a"])))
def test_no_closing_tag_of_thinking_is_left_in_an_answer(pieces: list[str]) -> None:
    found = parts.split("".join(pieces))
    assert "</think>" not in found.answer
    assert "<think>" not in found.answer
