"""Cut prose into sentences, coarsely: enough to tell in which language each one is."""

import re

MAX_SENTENCES = 4096
"""Of a text with more, neighbours are read as one; no honest text has them."""

_END = re.compile(r"[。！？!?\r\n]+|\.\s+")


def sentences(text: str) -> list[str]:
    """Return what stands between ends of sentences and lines; blank pieces are left out."""
    pieces = [piece for piece in _END.split(text) if piece.strip()]
    if len(pieces) <= MAX_SENTENCES:
        return pieces
    size = -(-len(pieces) // MAX_SENTENCES)
    return ["\n".join(pieces[start : start + size]) for start in range(0, len(pieces), size)]
