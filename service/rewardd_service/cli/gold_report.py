"""Golds of a data set, one after another, and what is to be said of all of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import msgspec

from rewardd_verifiers.mathexpr.lint import Finding, lint_gold

_WITHOUT_GOLD = Finding("refused", "gold_missing", "the row has no gold", "drop the row")
_OF_NO_KIND = Finding(
    "refused", "gold_kind", "a gold is text or a number, or a list of such", "write it as text"
)


class RowFinding(msgspec.Struct, frozen=True):
    """One fault of one row, as `--findings` writes it.

    Attributes:
        level: `refused` or `warned`.
        code: stable, for programs.
    """

    row: int
    dataset: str
    level: str
    code: str
    detail: str
    mend: str
    gold: str


@dataclass(slots=True)
class Summary:
    """What was found in one data set.

    Attributes:
        refused, warned: rows with such a finding, the worse one counts.
        repeated: rows whose problem stands in an earlier row.
        codes: findings by code; `examples` holds the first of each.
    """

    dataset: str
    rows: int = 0
    refused: int = 0
    warned: int = 0
    repeated: int = 0
    codes: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, RowFinding] = field(default_factory=dict[str, RowFinding])

    @property
    def readable(self) -> float:
        """Return the share of golds that can be judged against."""
        return 1.0 - self.refused / self.rows if self.rows else 1.0


class Golds:
    """Takes golds row by row."""

    def __init__(self) -> None:
        self._summaries: dict[str, Summary] = {}
        self._prompts: dict[tuple[str, str], str] = {}

    def summaries(self) -> list[Summary]:
        """Return what was found, by data set, in order of appearance."""
        return list(self._summaries.values())

    def take(self, row: int, gold: object, *, prompt: str, dataset: str) -> Iterator[RowFinding]:
        """Judge one gold; a list of golds is judged one by one.

        Args:
            row: its number in the file.
            gold: as the row has it.
            prompt: the problem, to find repetitions; "" leaves that out.
            dataset: under which name it is counted.
        """
        summary = self._summaries.setdefault(dataset, Summary(dataset))
        summary.rows += 1
        found = [*_of(gold), *self._repetition(summary, gold, prompt)]
        levels = {finding.level for finding, _ in found}
        summary.refused += "refused" in levels
        summary.warned += levels == {"warned"}
        for finding, text in found:
            told = RowFinding(
                row, dataset, finding.level, finding.code, finding.detail, finding.mend, text
            )
            summary.codes[finding.code] += 1
            summary.examples.setdefault(finding.code, told)
            yield told

    def _repetition(
        self, summary: Summary, gold: object, prompt: str
    ) -> Iterator[tuple[Finding, str]]:
        if not prompt:
            return
        key = (summary.dataset, prompt)
        if key not in self._prompts:
            self._prompts[key] = str(gold)
            return
        summary.repeated += 1
        earlier = self._prompts[key]
        if earlier != str(gold):
            detail = f"the same problem has another gold: {earlier[:80]!r}"
            yield Finding("warned", "other_gold", detail, "keep the right one"), str(gold)


def _of(gold: object) -> Iterator[tuple[Finding, str]]:
    if isinstance(gold, dict):
        gold = cast("dict[str, object]", gold).get("answer")
    if gold is None:
        yield _WITHOUT_GOLD, ""
        return
    golds = cast("list[object]", gold) if isinstance(gold, list) else [gold]
    if not golds:
        yield _WITHOUT_GOLD, "[]"
    for one in golds:
        text = str(one).lower() if isinstance(one, bool) else str(one)
        if not isinstance(one, str | int | float):
            yield _OF_NO_KIND, text
            continue
        for finding in lint_gold(text):
            yield finding, text
