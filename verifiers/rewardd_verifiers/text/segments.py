"""Cut prose into sentences, coarsely: enough to tell in which language each one is."""

import re

MAX_SENTENCES = 4096
"""Of a text with more, neighbours are read as one; no honest text has them."""

_END = re.compile(r"[。！？!?\r\n]+|\.\s+")


def sentences(text: str, at_most: int = MAX_SENTENCES) -> list[str]:
    """Return what stands between ends of sentences and lines; blank pieces are left out."""
    pieces = [piece for piece in _END.split(text) if piece and not piece.isspace()]
    if len(pieces) <= at_most:
        return pieces
    size = -(-len(pieces) // at_most)
    return ["\n".join(pieces[start : start + size]) for start in range(0, len(pieces), size)]
