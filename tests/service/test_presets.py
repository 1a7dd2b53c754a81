"""Each preset gives the rewards that its paper gives, with the verifiers that ship."""

from collections.abc import Sequence
from typing import Any

import pytest

from rewardd_client.schema import ScoreRequest
from rewardd_service.backends.inline import InlineBackend
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Outcome, Scorer
from rewardd_verifiers import Catalog


@pytest.fixture(scope="module")
def book() -> RecipeBook:
    return RecipeBook(Catalog())


async def _score(book: RecipeBook, reward: str, *samples: dict[str, Any]) -> Outcome:
    scorer = Scorer(InlineBackend(), book)
    request = ScoreRequest.model_validate({"reward": reward, "samples": list(samples)})
    return await scorer.score(request)


def _rewards(outcome: Outcome) -> list[float | None]:
    return [result["reward"] for result in outcome.results]


THOUGHT = "<think>Half of the cake is one of two equal parts.</think>"
ENGLISH = (
    "First we add the numbers, then we divide the sum by two, because the mean of two numbers is "
    "their sum over two, and so the answer follows at once."
)
HAN = "我们先把两个数相加然后再除以二因为平均数等于总和除以个数所以答案马上就出来了"


def _sample(completion: str, reference: str = "1/2", **fields: Any) -> dict[str, Any]:
    return {"completion": completion, "reference": reference, **fields}


async def test_r1_zero_pays_format_as_much_as_being_right(book: RecipeBook) -> None:
    tagged = THOUGHT + "\n<answer>\\boxed{{{}}}</answer>"
    samples = [
        _sample(tagged.format("1/2")),
        _sample(tagged.format("1/3")),
        _sample("The answer is \\boxed{1/2}."),
        _sample("The answer is \\boxed{1/3}."),
    ]
    assert _rewards(await _score(book, "r1-zero-math", *samples)) == [2.0, 1.0, 1.0, 0.0]


async def test_r1_zero_for_stem_reads_the_letter(book: RecipeBook) -> None:
    text = THOUGHT + "\n<answer>The answer is ({})</answer>"
    samples = [_sample(text.format("C"), "C"), _sample(text.format("B"), "C")]
    assert _rewards(await _score(book, "r1-zero-stem", *samples)) == [2.0, 1.0]


async def test_r1_adds_the_share_of_the_prompts_language(book: RecipeBook) -> None:
    # 160 Han characters are 100 words; with 25 English ones inside the share is 0.8.
    words = "so then we have found what the problem was asking for all along but first check"
    english = (words.split() * 2)[:25]
    chunks = [(HAN * 5)[start : start + 32] for start in range(0, 160, 32)]
    mixed = "".join(
        f"{chunk} {' '.join(english[5 * n : 5 * n + 5])} " for n, chunk in enumerate(chunks)
    )
    latex = "\n$$" + "\\frac{x^{2}}{y} + \\alpha " * 90 + "$$\n"
    prompt = "请问一半是多少？请用分数表示你的答案。"
    samples = [
        _sample(f"<think>{mixed}</think>\\boxed{{1/2}}", prompt=prompt),
        _sample(f"<think>{mixed}</think>\\boxed{{1/3}}", prompt=prompt),
        _sample(f"<think>{mixed}{latex}</think>\\boxed{{1/2}}", prompt=prompt),
    ]
    rewards = _rewards(await _score(book, "r1", *samples))
    assert rewards == pytest.approx([1.8, 0.8, 1.8], abs=0.01)


async def test_magistral_gates_on_format_and_adds_up_the_rest(book: RecipeBook) -> None:
    text = f"<think>{ENGLISH}</think>The answer is then, as we have seen above, \\boxed{{1/2}}."
    prompt = "What is one half, written as a fraction of two whole numbers?"
    samples = [
        _sample(text, prompt=prompt, length=20_480 - 2_048),
        _sample(f"{ENGLISH} \\boxed{{1/2}}", prompt=prompt, length=100),
    ]
    outcome = await _score(book, "magistral", *samples)
    assert _rewards(outcome) == pytest.approx([1.05, 0.0])
    assert [term["name"] for term in outcome.results[1]["terms"]] == ["format"]


async def test_dapo_drops_a_group_that_is_all_right_though_lengths_shape_it(
    book: RecipeBook,
) -> None:
    lengths = [100, 16_384, 18_432, 20_480]
    samples = [_sample("Answer: 1/2", group="g", length=length) for length in lengths]
    outcome = await _score(book, "dapo", *samples)
    assert _rewards(outcome) == [1.0, 1.0, 0.5, 0.0]
    assert outcome.groups[0]["keep"] is False


async def test_dapo_takes_a_point_for_a_wrong_answer_and_for_none(book: RecipeBook) -> None:
    samples = [_sample("Answer: 1/3", group="g", length=1), _sample("?", group="g", length=1)]
    assert _rewards(await _score(book, "dapo", *samples)) == [-1.0, -1.0]


async def test_kimi_weighs_lengths_within_each_group(book: RecipeBook) -> None:
    samples = [
        _sample(f"\\boxed{{{answer}}}", group="g", length=length)
        for answer, length in (("1/2", 100), ("1/2", 200), ("1/3", 300), ("1/3", 400))
    ]
    rewards = _rewards(await _score(book, "kimi-k1.5", *samples))
    assert rewards == pytest.approx([1.25, 1 + 1 / 12, -1 / 12, -0.25])


async def test_prime_keeps_groups_of_middling_accuracy(book: RecipeBook) -> None:
    def group(name: str, right: int) -> Sequence[dict[str, Any]]:
        return [_sample(f"\\boxed{{{1 + (n >= right)}}}", "1", group=name) for n in range(8)]

    samples = [*group("hard", 1), *group("fine", 2), *group("easy", 7)]
    outcome = await _score(book, "prime", *samples)
    assert [group["keep"] for group in outcome.groups] == [False, True, False]


async def test_deepscaler_wants_the_thinking_closed_once(book: RecipeBook) -> None:
    samples = [
        _sample("<think>It is half.</think>\\boxed{1/2}"),
        _sample("<think>It is half. \\boxed{1/2}"),
        _sample("<think>It is half.</think>\\boxed{1/2}</think>"),
        _sample("<think>It is half.</think>\\boxed{1/3}"),
    ]
    assert _rewards(await _score(book, "deepscaler", *samples)) == [1.0, 0.0, 0.0, 0.0]


async def test_open_r1_pays_three_for_right_and_well_formed(book: RecipeBook) -> None:
    text = "<think>\nIt is half.\n</think>\n<answer>\n\\boxed{1/2}\n</answer>"
    assert _rewards(await _score(book, "open-r1", _sample(text))) == [3.0]


async def test_tulu_pays_ten(book: RecipeBook) -> None:
    samples = [_sample("It is 1/2", "0.5"), _sample("It is 1/3", "0.5")]
    assert _rewards(await _score(book, "tulu3", *samples)) == [10.0, 0.0]


async def test_geo3k_pays_a_tenth_for_format_alone(book: RecipeBook) -> None:
    samples = [_sample(f"{THOUGHT}\\boxed{{{answer}}}") for answer in ("1/2", "1/3")]
    assert _rewards(await _score(book, "geo3k", *samples)) == pytest.approx([1.0, 0.1])


async def test_open_reasoner_zero_pays_nothing_for_what_was_cut_off(book: RecipeBook) -> None:
    text = THOUGHT + "<answer>\\boxed{1/2}</answer>"
    samples = [_sample(text, finish_reason=reason) for reason in ("stop", "length")]
    assert _rewards(await _score(book, "open-reasoner-zero", *samples)) == [1.0, 0.0]


def test_every_preset_names_its_source(book: RecipeBook) -> None:
    presets = [recipe for recipe in book.recipes() if recipe.description]
    assert len(presets) >= 12
    assert all("20" in recipe.description or "verl" in recipe.description for recipe in presets)
