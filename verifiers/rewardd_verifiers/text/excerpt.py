"""Show text that a policy wrote: bounded, and valid wherever JSON and UTF-8 go."""

MAX_CHARACTERS = 512
"""Of a string in evidence."""

_ELLIPSIS = "..."


def excerpt(text: str, *, characters: int = MAX_CHARACTERS) -> str:
    """Return at most `characters` of `text`, with lone surrogates replaced."""
    shown = text
    if len(text) > characters:
        shown = text[: characters - len(_ELLIPSIS)] + _ELLIPSIS
    if shown.isascii():
        return shown
    return shown.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
