"""Programs of the suites, kept as text: nobody should lint them, and nobody import them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parents[1] / "sandbox"
_HEADING = re.compile(r"^=== (\w+): (.+)$", re.MULTILINE)
_FIELDS = re.compile(r"(?:(?:limits|needs|language|tests|compare): .+\n)+")


Tests = list[dict[str, str]]


@dataclass(frozen=True)
class Subject:
    """One program; what a heading leaves out is the suite's own choice.

    Attributes:
        needs: what a tier must offer.
        tests: inputs with their outputs.
    """

    name: str
    claim: str
    source: str
    limits: dict[str, float] = field(default_factory=dict[str, float])
    needs: str = ""
    language: str = "python"
    tests: Tests = field(default_factory=Tests)
    compare: str = "token"


def load(name: str) -> Sequence[Subject]:
    pieces = _HEADING.split((_HERE / name).read_text())[1:]
    triples = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return [_subject(*triple) for triple in triples]


def _subject(name: str, claim: str, text: str) -> Subject:
    fields, source = _fields(text.lstrip("\n"))
    pairs: list[list[str]] = json.loads(fields.get("tests", "[]"))
    return Subject(
        name=name,
        claim=claim,
        source=source,
        limits=json.loads(fields.get("limits", "{}")),
        needs=fields.get("needs", ""),
        language=fields.get("language", "python"),
        tests=[{"stdin": given, "stdout": expected} for given, expected in pairs],
        compare=fields.get("compare", "token"),
    )


def _fields(text: str) -> tuple[dict[str, str], str]:
    """Split what a program's first lines say of it from the program."""
    found = _FIELDS.match(text)
    head = found.group() if found is not None else ""
    rows = (line.partition(": ") for line in head.splitlines())
    return {name: value for name, _, value in rows}, text[len(head) :]
