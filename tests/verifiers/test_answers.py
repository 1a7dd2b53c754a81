"""Completions and what they are worth: where the answer stands, and where it does not."""

import json
from pathlib import Path

import pytest

from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import answers
from rewardd_verifiers.text.answers import Answer, Missing

_CASES = [
    json.loads(line)
    for name in ("math_completions", "math_endings")
    for line in (Path(__file__).parents[1] / "cases" / f"{name}.jsonl")
    .read_text("utf-8")
    .splitlines()
]


def _sample(completion: str, reference: Gold, prompt: str = "") -> Sample[Gold]:
    return Sample(completion=completion, reference=reference, prompt=prompt)


@pytest.mark.parametrize(
    "case", _CASES, ids=lambda case: f"{case['completion'][:48]} | {case['gold']}"
)
def test_a_completion_is_worth_what_its_answer_is(case: dict[str, str]) -> None:
    sample = _sample(completion=case["completion"], reference=case["gold"])
    assert Math().verify(sample).score == case["score"]


def test_the_span_points_at_the_answer_in_the_completion() -> None:
    completion = "<think>maybe \\boxed{3}</think> So \\boxed{ 4 }, \\boxed{9}."
    found = answers.extract(completion)
    assert isinstance(found, Answer)
    assert completion[found.start : found.end] == " 4 }, \\boxed{9"
    assert (found.text, found.rule) == ("4, 9", "boxes")


@pytest.mark.parametrize(
    ("rules", "completion", "text"),
    [
        ("boxed", "The answer is 7.", None),
        ("boxed", "<answer>7</answer>", None),
        ("boxed", r"It is \boxed{7}.", "7"),
        ("tag", r"It is \boxed{7}.", None),
        ("tag", "<answer>7</answer>", "7"),
        ("marker", "#### 7", "7"),
        ("marker", "The answer is 7.", None),
    ],
)
def test_a_recipe_that_teaches_a_format_takes_no_other(
    rules: answers.Extract, completion: str, text: str | None
) -> None:
    found = answers.extract(completion, rules=rules)
    assert (found.text if isinstance(found, Answer) else None) == text


def test_an_answer_tag_may_lack_its_end_where_generation_stopped_on_it() -> None:
    completion = "<answer>7"
    cut_off = answers.extract(completion)
    assert isinstance(cut_off, Missing)
    assert cut_off.reason == "bad_format"
    finished = answers.extract(completion, finished=True)
    assert isinstance(finished, Answer)
    assert finished.text == "7"


def test_thinking_that_the_prompt_opened_holds_no_answer() -> None:
    sample = _sample(completion=r"maybe \boxed{7}", reference="7", prompt="Q?\n<think>\n")
    assert Math().verify(sample).reason == "no_answer"


def test_earlier_boxes_are_kept_for_those_who_ask_that_all_agree() -> None:
    sample = _sample(completion=r"First \boxed{6}. Then I saw: \boxed{7}.", reference="7")
    assert Math().verify(sample).evidence["boxes"] == 2
    assert Math(boxes="all_equal").verify(sample).score == 0.0
    agreeing = _sample(completion=r"First \boxed{14/2}. Then I saw: \boxed{7}.", reference="7")
    assert Math(boxes="all_equal").verify(agreeing).score == 1.0


@pytest.mark.parametrize(
    "unit",
    [
        "\\boxed{", "$", "1 ", " ", "the answer is ", "7", "<think>", "<answer>", "</answer>",
        "<!--", "<!-- -->", "Check: 5\n", "A or ", "% 5\n", "is 5 for 3 ", "\\end{align}",
        "\n####", "A:", "**", "\\", "\\(", "(", "{", "<<", "answer is (not ", "\n", "x",
    ],
)  # fmt: skip
def test_a_mebibyte_of_anything_is_answered(unit: str) -> None:
    completion = (unit * (1024 * 1024))[: 1024 * 1024]
    verdict = Math().verify(_sample(completion=completion, reference="7"))
    assert verdict.score == 0.0


def test_few_of_many_boxes_count_where_the_last_one_stands_in_a_program() -> None:
    completion = "\\boxed{6} is one. " * 2000 + "\\boxed{7}\n```py\n\\boxed{8}\n```"
    found = answers.extract(completion)
    assert isinstance(found, Answer)
    assert found.text == "7"
    assert len(found.earlier) < 1000


def test_a_list_of_letters_is_refused_in_linear_time() -> None:
    completion = "The answer: " + "A or " * 4000
    assert Math().verify(_sample(completion=completion, reference="C")).score == 0.0


def test_the_last_row_of_an_environment_is_shown_as_the_answer() -> None:
    found = answers.extract("So\n\\begin{align*}\n2x &= 10 \\\\\nx &= 5\n\\end{align*}")
    assert isinstance(found, Answer)
    assert (found.text, found.rule) == ("x = 5", "rows")
