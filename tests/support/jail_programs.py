"""Programs of the suites, kept as text: nobody should lint them, and nobody import them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parents[1] / "sandbox"
_HEADING = re.compile(r"^=== (\w+): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Subject:
    name: str
    claim: str
    source: str
    limits: dict[str, float] = field(default_factory=dict[str, float])
    needs: str = ""


def load(name: str) -> Sequence[Subject]:
    pieces = _HEADING.split((_HERE / name).read_text())[1:]
    triples = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return [_subject(*triple) for triple in triples]


def _subject(name: str, claim: str, text: str) -> Subject:
    source = text.lstrip("\n")
    limits: dict[str, float] = {}
    needs = ""
    if source.startswith("limits: "):
        line, _, source = source.partition("\n")
        limits = json.loads(line.removeprefix("limits: "))
    if source.startswith("needs: "):
        line, _, source = source.partition("\n")
        needs = line.removeprefix("needs: ")
    return Subject(name, claim, source, limits, needs)
