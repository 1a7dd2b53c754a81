"""Bound what is read of a completion, for all verifiers alike."""

from typing import Any

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.verdict import Reason, Verdict

MAX_COMPLETION_BYTES = 1 << 20
"""In UTF-8. No template asks for more, and 32,768 tokens are about 128 kB."""

_MOST_BYTES_A_CHARACTER = 4


def refuse(sample: Sample[Any]) -> Verdict | None:
    """Return the verdict on a completion that is too large to be read, else None."""
    texts = (sample.completion, sample.reasoning or "")
    if sum(map(len, texts)) * _MOST_BYTES_A_CHARACTER <= MAX_COMPLETION_BYTES:
        return None
    size_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    if size_bytes <= MAX_COMPLETION_BYTES:
        return None
    return Verdict.zero(
        Reason.LIMIT_EXCEEDED,
        f"the completion has {size_bytes} bytes, of which {MAX_COMPLETION_BYTES} are read",
        {"completion_bytes": size_bytes},
    )
