"""Measure the text verifiers: median time on 4 kB, and on a hostile mebibyte each.

Run `python -m benchmarks.text`. The first column is also given in units of `exact`, which does
nothing but find the answer and compare it.
"""

import statistics
import time
from collections.abc import Mapping

from rewardd_verifiers.builtin.choice import Choice, Question
from rewardd_verifiers.builtin.exact import Exact
from rewardd_verifiers.builtin.format import Format
from rewardd_verifiers.builtin.language import Language
from rewardd_verifiers.builtin.reasoning_steps import ReasoningSteps
from rewardd_verifiers.builtin.repetition import Repetition
from rewardd_verifiers.builtin.tag_count import TagCount
from rewardd_verifiers.builtin.text_match import TextMatch
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.verifier import PureVerifier

SIZE_BYTES = 4096
MEBIBYTE = 1 << 20
ROUNDS = 300

_OPTIONS = Question("C", {"A": "Paris", "B": "London", "C": "Berlin", "D": "Rome"})
VERIFIERS: Mapping[str, tuple[PureVerifier[object], object]] = {
    "exact": (Exact(), "C"),  # pyright: ignore[reportAssignmentType]  each gets its own reference
    "format": (Format(), None),
    "format boxed": (Format(template="think-boxed"), None),
    "format code": (Format(template="think-code"), None),
    "tag_count": (TagCount(), None),
    "choice": (Choice(), _OPTIONS),  # pyright: ignore[reportAssignmentType]  as above
    "text_match": (TextMatch(), "C"),  # pyright: ignore[reportAssignmentType]  as above
    "text_match f1": (TextMatch(mode="f1"), "C"),  # pyright: ignore[reportAssignmentType]  as above
    "repetition": (Repetition(), None),
    "reasoning_steps": (ReasoningSteps(), None),
    "language": (Language(target="zh"), None),
}
HONEST = "<think>\n{}\n</think>\n<answer>\nThe answer is (C).\n</answer>"
PLAIN = "{}\nThe answer is (C)."
FILLER = (
    "We compare option A with the others, as $x^2 = 4$ has two solutions. The river is longer than"
    " the map says, and none of the towns lies on its southern bank. "
)
HOSTILE = (
    *("<think>", "</think>", "<answer>", "<answer></answer>", "\\boxed{", "\\boxed{C}", "{", "}"),
    *(
        "```\n",
        "```a\n```\n",
        "`",
        "$",
        "$$",
        "\\[",
        "\\(",
        "\\begin{a}",
        "\\a{",
        "answer is C ",
        "answer ",
    ),
    *(
        "option A, ",
        "A\n",
        "A) B\n",
        "C is correct ",
        "选",
        " ",
        "\n",
        "a b ",
        "\u0301\u0323",
        "\ufdfa",
        "中文",
        "é ",
    ),
)


def main() -> None:
    """Print the table."""
    filler = FILLER * (SIZE_BYTES // len(FILLER))
    honest, plain = HONEST.format(filler), PLAIN.format(filler)
    base = _median(*VERIFIERS["exact"], honest, rounds=ROUNDS)
    print(f"{'verifier':16}{'4 kB us':>9}{'x exact':>9}{'worst 1 MiB ms':>16}  of")
    for name, (verifier, reference) in VERIFIERS.items():
        median = max(_median(verifier, reference, text, rounds=ROUNDS) for text in (honest, plain))
        worst = max(
            (_median(verifier, reference, text, rounds=3), label) for label, text in _hostile()
        )
        print(
            f"{name:16}{median * 1e6:9.1f}{median / base:9.1f}{worst[0] * 1e3:16.1f}  {worst[1]!r}"
        )


def _hostile() -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for unit in HOSTILE:
        body = unit * ((MEBIBYTE - 64) // len(unit.encode()))
        texts += [
            (unit, body),
            (f"</think>{unit}", f"</think>{body}"),
            (f"{unit}</think>", f"{body}</think>C"),
        ]
    return texts


def _median(
    verifier: PureVerifier[object], reference: object, completion: str, *, rounds: int
) -> float:
    sample: Sample[object] = Sample(completion=completion, reference=reference)
    times: list[float] = []
    for _ in range(rounds):
        begin = time.perf_counter()
        verifier.verify(sample)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    main()
