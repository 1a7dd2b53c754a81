"""An explained result on the screen."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from rewardd_client.schema import Recipe, Result, Sample, TermResult
from rewardd_service.cli.arithmetic import arithmetic, number

_INDENT = (0, 0, 0, 2)
_EXCERPT_CHARACTERS = 400
_SPAN_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Explanation:
    """A result with what it is about.

    Attributes:
        group_size: samples that were scored together with this one, itself included.
    """

    sample: Sample
    result: Result
    recipe: Recipe
    group_size: int


def show(console: Console, explanation: Explanation) -> None:
    """Print the sample, each term with its evidence, and the arithmetic."""
    sample, result = explanation.sample, explanation.result
    _show_sample(console, explanation)
    for term in result.terms:
        _show_term(console, sample, term)
    steps = arithmetic(result, explanation.recipe)
    console.print("\n[bold]arithmetic[/]")
    for line in steps.lines:
        _indented(console, line)
    if result.advantage is not None:
        _indented(console, f"advantage within its group = {number(result.advantage)}")
    shown = "no verdict" if result.reward is None else number(result.reward)
    console.print(f"\n[bold]{shown}[/]  ({result.status}, {escape(result.reason)})")


def _show_sample(console: Console, explanation: Explanation) -> None:
    sample = explanation.sample
    named = f" {sample.id}" if sample.id is not None else ""
    console.print(f"[bold]sample{escape(named)}[/] by {escape(explanation.result.recipe)}")
    if sample.group is not None:
        _indented(console, f"group {sample.group}: {explanation.group_size} samples")
    _indented(console, f"reference: {_shortened(sample.reference)}")
    completion = sample.completion
    text = completion if isinstance(completion, str) else f"{len(completion)} messages"
    _indented(console, f"completion: {_shortened(text)}")


def _show_term(console: Console, sample: Sample, term: TermResult) -> None:
    score = "no score" if term.score is None else number(term.score)
    worth = "-" if term.contribution is None else number(term.contribution)
    title = f"{term.name} ({term.verifier})" if term.name != term.verifier else term.name
    console.print(f"\n[bold]{escape(title)}[/]: {score}, {term.reason}, contributes {worth}")
    if term.detail:
        _indented(console, term.detail)
    for name, value in term.evidence.items():
        _indented(console, f"{name}: {_shortened(value)}")
        for excerpt in _excerpts(sample, name, value):
            _indented(console, f"    {excerpt}")
    _indented(console, f"{term.seconds * 1000:.2f} ms, attempts: {term.attempts}")


def _excerpts(sample: Sample, name: str, value: JsonValue) -> Iterator[str]:
    """Yield the pieces of the completion that evidence points to, as [start, end] or several."""
    text = sample.completion
    if "span" not in name or not isinstance(text, str) or not isinstance(value, list):
        return
    for span in [value] if _is_span(value) else value:
        if isinstance(span, list) and _is_span(span):
            start, end = (place for place in span if isinstance(place, int))
            yield repr(text[start:end][:_EXCERPT_CHARACTERS])


def _is_span(value: list[JsonValue]) -> bool:
    return len(value) == _SPAN_LENGTH and all(isinstance(place, int) for place in value)


def _shortened(value: JsonValue | Mapping[str, JsonValue]) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= _EXCERPT_CHARACTERS:
        return text
    half = _EXCERPT_CHARACTERS // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} [... {left_out} characters ...] {text[-half:]}"


def _indented(console: Console, line: str) -> None:
    # As plain text: completions hold brackets that rich would take for markup, and control
    # characters that a terminal would obey.
    safe = "".join(
        mark if mark.isprintable() or mark == "\n" else f"\\x{ord(mark):02x}" for mark in line
    )
    console.print(Padding(Text(safe), _INDENT))
