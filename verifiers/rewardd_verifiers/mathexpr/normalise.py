"""One spelling for what is written in many: folds characters, never numbers or names."""

import re

from rewardd_verifiers.mathexpr import lexicon
from rewardd_verifiers.mathexpr.limits import MAX_CHARACTERS, LimitError

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# Zero-width, directional and other format characters (Unicode category Cf), variation selectors.
_INVISIBLE: dict[int, None] = {
    code: None
    for low, high in (
        (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F),
        (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0001, 0xE007F),
    )
    for code in range(low, high + 1)
}  # fmt: skip
_CONTROLS: dict[int, None] = {code: None for code in range(32) if chr(code) not in "\t\n\r"}
_BLANK = dict.fromkeys((133, 160, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288), " ")
_LETTERS = {ord(letter): rf"\{name} " for letter, name in lexicon.GREEK_LETTERS.items()}
_SIGNS = {ord(sign): tex for sign, tex in lexicon.UNICODE.items() if len(sign) == 1}
_TABLE: dict[int, str | int | None] = {
    **_WIDE, **_INVISIBLE, **_CONTROLS, **_BLANK, **_LETTERS, **_SIGNS,
}  # fmt: skip

_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ]++")
_LOWERED = re.compile(r"[₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙᵢ]++")

# A JSON loader that met "\frac" in an unescaped string left a form feed and "rac".
_EATEN = re.compile(
    r"\x0c(?=rac|loor|box)|\x08(?=oxed|egin|inom|ar|eta|oldsymbol)|\t(?=ext|imes|heta|frac\{|an\()"
)
_EATEN_BY = {"\x0c": r"\f", "\x08": r"\b", "\t": r"\t"}
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z{}%$,!;])")
_RUN_TOGETHER = re.compile(r"\\q?quad(?=[A-Za-z])")
DOUBLED = "doubled backslashes"
_SINGLE = re.compile(r"(?<!\\)\\[A-Za-z]")


def fold(text: str) -> tuple[str, list[str]]:
    """Return the text in ASCII LaTeX where that is possible, and the repairs that it took.

    Raises:
        LimitError: it is too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise LimitError(f"{len(text)} characters, more than {MAX_CHARACTERS}")
    repairs: list[str] = []
    if not text.isascii():
        text = _fold_characters(text)
    elif not text.isprintable():
        text = _mend_escapes(text, repairs)
    if "quad" in text:
        text = _RUN_TOGETHER.sub(" ", text)
    if "\\\\" in text:
        text = _halve(text, repairs)
    return text, repairs


def clean(text: str) -> str:
    """Return the text without what no reply can carry: lone surrogates, NUL, other controls."""
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode("utf-8")


def _fold_characters(text: str) -> str:
    repaired = _mend_escapes(text, [])
    raised = _RAISED.sub(lambda run: _script("^", run.group(), lexicon.SUPERSCRIPTS), repaired)
    lowered = _LOWERED.sub(lambda run: _script("_", run.group(), lexicon.SUBSCRIPTS), raised)
    return lowered.translate(_TABLE)


def _script(sign: str, run: str, table: dict[str, str]) -> str:
    return f"{sign}{{{''.join(table[letter] for letter in run)}}}"


def _mend_escapes(text: str, repairs: list[str]) -> str:
    mended = _EATEN.sub(lambda eaten: _EATEN_BY[eaten.group()], text)
    if mended != text:
        repairs.append("escapes eaten by a JSON loader")
    return mended.translate(_CONTROLS)


def _halve(text: str, repairs: list[str]) -> str:
    r"""Undo one doubling of backslashes, unless `\\` separates rows."""
    if "&" in text and _SINGLE.search(text):
        return text
    if r"\begin" in text.replace(r"\\begin", "") or not _DOUBLED.search(text):
        return text
    repairs.append(DOUBLED)
    return _DOUBLED.sub(r"\\", text)
