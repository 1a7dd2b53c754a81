"""Turn a verdict into an answer: plain values, valid UTF-8, bounded, whatever a verifier put in."""

import math
from collections.abc import Mapping
from enum import Enum
from itertools import islice
from typing import Any, Final, cast

import msgspec

from rewardd_service.job import Answer
from rewardd_verifiers import Reason, Verdict

MAX_DETAIL_CHARACTERS: Final = 2_000
MAX_TEXT_CHARACTERS: Final = 4_000
MAX_EVIDENCE_CHARACTERS: Final = 32_000
"""In all of one answer; eight of them make a frame."""
MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 256
_INTEGER_BITS: Final = 63
"""What msgpack and every JSON reader take."""
_MAX_SHOWN_BITS: Final = 4_096
MAX_RECORD_BYTES: Final = 8 << 20
"""Half of what a frame holds."""


def scored_or_not(
    job: int,
    verdict: object,
    *,
    version: int = 0,
    seconds: float = 0.0,
    recorded: bool = False,
) -> Answer:
    """Return the answer for what a verifier returned, with its record if that is wanted.

    Raises:
        TypeError: it is not a verdict.
        ValueError: its score does not fit, or its record is too large.
    """
    if not isinstance(verdict, Verdict):
        raise TypeError(f"a verifier returned {type(verdict).__name__}, not a Verdict")
    score = None if verdict.score is None else float(verdict.score)
    reason = verdict.reason
    if score is not None and not 0.0 <= score <= 1.0:
        raise ValueError(f"score {score} is outside [0, 1]")
    if reason.scored is (score is None):
        raise ValueError(f"score {score} does not go with reason {reason}")
    evidence = plain_evidence(verdict.evidence) if verdict.evidence else {}
    detail = plain_text(str(verdict.detail), MAX_DETAIL_CHARACTERS) if verdict.detail else ""
    record = _record(verdict) if recorded else b""
    return Answer(job, score, reason.value, detail, evidence, version, seconds, record=record)


def unscored(
    job: int, reason: Reason, detail: str = "", *, version: int = 0, seconds: float = 0.0
) -> Answer:
    """Return the answer for a job that could not be judged."""
    text = plain_text(detail, MAX_DETAIL_CHARACTERS)
    return Answer(job, None, reason.value, text, version=version, seconds=seconds)


def _record(verdict: Verdict) -> bytes:
    if verdict.record is None:
        return b""
    record = msgspec.msgpack.encode(verdict.record())
    if len(record) > MAX_RECORD_BYTES:
        raise ValueError(f"a record of {len(record)} bytes is longer than {MAX_RECORD_BYTES}")
    return record


def plain_text(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, lone surrogates replaced."""
    shown = text if len(text) <= limit else f"{text[: limit - 3]}..."
    if shown.isascii():
        return str(shown)
    return shown.encode("utf-8", "replace").decode("utf-8")


def plain_evidence(evidence: Mapping[str, object]) -> dict[str, Any]:
    """Return what JSON can say of `evidence`, cut where it is too deep, too long or too wide."""
    return _Budget(MAX_EVIDENCE_CHARACTERS).mapping(evidence, MAX_DEPTH)


class _Budget:
    """Characters that are left for one answer."""

    def __init__(self, characters: int) -> None:
        self._left = characters

    def mapping(self, value: Mapping[Any, object], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, inner in islice(value.items(), MAX_ITEMS):
            if self._left <= 0:
                break
            result[self._text(str(key))] = self._plain(inner, depth - 1)
        return result

    def _plain(self, value: object, depth: int) -> object:
        if isinstance(value, str):
            return self._text(value.value if isinstance(value, Enum) else value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return self._integer(int(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else str(float(value))
        return self._container(value, depth)

    def _container(self, value: object, depth: int) -> object:
        if isinstance(value, Mapping | list | tuple | set | frozenset) and depth <= 0:
            return "..."
        if isinstance(value, Mapping):
            return self.mapping(cast("Mapping[Any, object]", value), depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(cast("list[object]", value), depth)
        return self._text(str(value))

    def _items(self, value: list[object], depth: int) -> list[object]:
        result: list[object] = []
        for inner in islice(value, MAX_ITEMS):
            if self._left <= 0:
                break
            self._left -= 1
            result.append(self._plain(inner, depth - 1))
        return result

    def _integer(self, value: int) -> int | str:
        bits = value.bit_length()
        if bits <= _INTEGER_BITS:
            return value
        return self._text(str(value) if bits <= _MAX_SHOWN_BITS else f"an integer of {bits} bits")

    def _text(self, text: str) -> str:
        shown = plain_text(text, max(3, min(MAX_TEXT_CHARACTERS, self._left)))
        self._left -= len(shown) + 1
        return shown
