"""Answers to lines of the output file, and to the sums that are told at the end."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from rewardd_client.schema import Result
from rewardd_service.cli.settle import Answer
from rewardd_service.tables.rows import RowError, decode

INVALID_ROW = "invalid_row"
"""The reason of a line whose row is no sample; no verifier was asked."""

_MEASURED = {"seconds", "attempts"}
"""What differs from run to run, and so is left out unless asked for."""


@dataclass(frozen=True, slots=True)
class LineStyle:
    """What a line of the output holds.

    Attributes:
        timing: also what differs from run to run: seconds and attempts.
        row: also the row of the input as it was.
    """

    timing: bool = False
    row: bool = False

    def line(self, answer: Answer) -> bytes:
        """Return the answer as a line of JSON; what is absent or unknown has no field."""
        fields = _identity(answer) | self._outcome(answer)
        if self.row:
            fields["row"] = _row(answer)
        return msgspec.json.encode(fields) + b"\n"

    def _outcome(self, answer: Answer) -> dict[str, object]:
        result, complaint = answer.result, answer.entry.complaint
        if result is None:
            detail = "" if complaint is None else f"{complaint.field}: {complaint.message}"
            return {"reward": None, "status": "unscored", "reason": INVALID_ROW, "detail": detail}
        fields: dict[str, object] = {
            "reward": result.reward,
            "status": result.status,
            "reason": result.reason,
            "recipe": result.recipe,
        }
        if result.advantage is not None:
            fields["advantage"] = result.advantage
        if answer.keep is not None:
            fields["keep"] = answer.keep
        return fields | self._parts(result)

    def _parts(self, result: Result) -> dict[str, object]:
        left_out = set[str]() if self.timing else _MEASURED
        parts: dict[str, object] = {"terms": [t.model_dump(exclude=left_out) for t in result.terms]}
        if result.rules:
            parts["rules"] = [rule.model_dump() for rule in result.rules]
        return parts


class Tally:
    """Sums over all answers; they continue where an earlier run stopped."""

    def __init__(self, sums: Mapping[str, float] | None = None) -> None:
        self.sums: dict[str, float] = dict(sums or {})

    def add(self, answers: Iterable[Answer]) -> None:
        """Count answers."""
        for answer in answers:
            result = answer.result
            if result is None:
                self._count("invalid")
            elif result.reward is None:
                self._count("unscored")
                self._count(f"unscored:{result.reason}")
            else:
                self._count("scored")
                self.sums["rewards"] = math.fsum([self.sums.get("rewards", 0.0), result.reward])

    def of(self, name: str) -> int:
        """Return a count: `scored`, `unscored`, `invalid`, or `unscored:REASON`."""
        return int(self.sums.get(name, 0))

    def summary(self) -> str:
        """Return all there is to say in one line."""
        scored = self.of("scored")
        parts = [f"{scored} scored"]
        if scored:
            parts[0] += f" (mean reward {self.sums['rewards'] / scored:.4g})"
        reasons = [
            f"{int(count)} {name.removeprefix('unscored:')}"
            for name, count in sorted(self.sums.items())
            if name.startswith("unscored:")
        ]
        listed = f" ({', '.join(reasons)})" if reasons else ""
        parts.append(f"{self.of('unscored')} without a verdict{listed}")
        if self.of("invalid"):
            parts.append(f"{self.of('invalid')} rows that are no samples")
        return ", ".join(parts)

    def _count(self, name: str) -> None:
        self.sums[name] = self.sums.get(name, 0) + 1


def _identity(answer: Answer) -> dict[str, object]:
    fields: dict[str, object] = {"line": answer.entry.row.number}
    sample = answer.entry.sample
    if sample is not None and sample.id is not None:
        fields["id"] = sample.id
    if sample is not None and sample.group is not None:
        fields["group"] = sample.group
    return fields


def _row(answer: Answer) -> object:
    try:
        return decode(answer.entry.row)
    except RowError:
        return answer.entry.row.text.decode(errors="replace").strip()
