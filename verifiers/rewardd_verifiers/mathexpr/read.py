"""From the text of an answer or a gold to trees: one for each usual reading."""

import re
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

from rewardd_verifiers.mathexpr import (
    clauses,
    differentials,
    families,
    lexicon,
    normalise,
    shorthand,
    spoken,
    vectors,
)
from rewardd_verifiers.mathexpr.cursor import Reading
from rewardd_verifiers.mathexpr.expand import expand
from rewardd_verifiers.mathexpr.limits import UndecidedError, UnreadableError
from rewardd_verifiers.mathexpr.parse import Parser, parse
from rewardd_verifiers.mathexpr.tokens import WORD, Token, cut
from rewardd_verifiers.mathexpr.tree import Text, Tree

_WHITE = " \r\n"
# A form feed or a tab in front may be what a JSON loader left of a backslash.
_QUOTES = "\"'`“”"
_OUTER = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("__", "__"))
_LAST = frozenset(".,;。，$")
_OPENING = frozenset("$\\*_" + _QUOTES)
_CLOSING = frozenset("$)]*_" + _QUOTES)
# An answer that ends and begins with none of these has nothing to peel.
_BOXES = re.compile(r"\\(?:boxed|fbox|displaystyle|textstyle|dsb)\s*")
_MONEY = re.compile(r"(?<![\\$])\$(?=\s?\d|\s?\.\d)")
_COMMA_DECIMAL = re.compile(r"(?<![\d,])(\d+),(\d+)(?![\d,])")
_MODULUS = re.compile(r"\(\s*(?:\\b?mod|mod)\s*([A-Za-z0-9]+)\s*\)")
_LINES = re.compile(r"\$\s*\n\s*\$")
_MODULES = re.compile(r"\b(?:np|math|numpy|sympy)\.(?=[a-z])")
_MOST_STOPS = 4
_STOPS = frozenset({"", ".", ",", ";", ":", "{", "}", "?", "''"})
_FRACTIONS = frozenset({"dfrac", "tfrac", "cfrac"})
_USUAL = Reading()
_OTHER_READINGS = {
    known.name: replace(_USUAL, **{known.name: not known.default}) for known in fields(Reading)
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A text that was read.

    Attributes:
        text: as it was peeled and folded.
        tree: of the usual reading.
        others: trees of the other readings, by the name of the reading.
        repairs: what had to be mended.
    """

    text: str
    tree: Tree
    others: dict[str, Tree] = field(default_factory=dict[str, Tree])
    repairs: tuple[str, ...] = ()


def peel(text: str) -> str:
    """Return the text without what surrounds an answer: `$`, bold, quotes, a final stop."""
    text = text.strip(_WHITE)
    for _ in range(_MOST_STOPS):
        if not text or (
            text[-1] not in _LAST and not (text[0] in _OPENING and text[-1] in _CLOSING)
        ):
            break
        before = text
        text = _unquote(_strip_stop(text))
        for opener, closer in _OUTER:
            if not (text.startswith(opener) and text.endswith(closer)):
                continue
            inner = text[len(opener) : -len(closer)]
            if inner and opener not in inner and closer not in inner:
                text = inner.strip(_WHITE)
        if text.endswith("$") and text.count("$") % 2 and not text.endswith("\\$"):
            text = text[:-1]
        if text == before:
            break
    return text


def _unquote(text: str) -> str:
    quoted = len(text) > 2 and text[0] in _QUOTES and text[-1] in _QUOTES  # noqa: PLR2004  two quotes and a text
    return text[1:-1].strip(_WHITE) if quoted else text.strip(_WHITE)


def _strip_stop(text: str) -> str:
    if text.endswith((".", ",", ";", "。", "，")) and not text.endswith(("..", "\\,", "\\;")):
        return text[:-1].rstrip()
    return text


@lru_cache(maxsize=2048)
def read(text: str, *, decimal_comma: bool = False) -> Expression:
    """Read a text; prose that is no mathematics is a tree too.

    Raises:
        LimitError: it is larger than we read.
        UnreadableError: it is neither mathematics nor prose.
    """
    folded, repairs = normalise.fold(peel(text))
    folded = peel(shorthand.bare(peel(folded)))
    special = spoken.read_special(folded)
    if special is not None:
        return Expression(folded, special, repairs=tuple(repairs))
    prepared = _prepare(folded, decimal_comma=decimal_comma)
    tokens = cut(prepared)
    if _is_lone_word(tokens):
        return Expression(folded, _prose(tokens), repairs=tuple(repairs))
    try:
        return _readings(folded, tokens, repairs)
    except UnreadableError:
        if not _is_prose(tokens, folded):
            raise
        return Expression(folded, _prose(tokens), repairs=tuple(repairs))


def _prepare(folded: str, *, decimal_comma: bool) -> str:
    text = shorthand.unfold(_BOXES.sub("", folded) if "\\" in folded else folded)
    text = clauses.settle(text)
    if "$" in text:
        bare = text.replace("\\$", "")
        opens = _MONEY.findall(text)
        if bare.count("$") == len(opens) and not bare.endswith("$"):
            text = _MONEY.sub(r"\\$", text)
    if "**" in text and (text.startswith("**") or text.endswith("**")):
        text = text.replace("**", "")
    if "\n" in text:
        text = _LINES.sub("$, $", text)
    if "np." in text or "math." in text:
        text = _MODULES.sub("", text)
    if "mod" in text:
        text = _MODULUS.sub(r"\\pmod{\1}", text)
    if decimal_comma:
        text = _COMMA_DECIMAL.sub(r"\1.\2", text)
    return text


def _readings(folded: str, tokens: list[Token], repairs: list[str]) -> Expression:
    tree, parser = parse(tokens, _USUAL)
    others: dict[str, Tree] = {}
    for name in sorted(parser.doubts):
        others[name] = _shaped(*parse(tokens, _OTHER_READINGS[name]))
    return Expression(folded, _shaped(tree, parser), others, tuple(repairs + parser.repairs))


def _shaped(tree: Tree, parser: Parser) -> Tree:
    if "plain_powers" in parser.doubts and not parser.reading.plain_powers:
        tree = vectors.ordered(tree)
    return _expanded(differentials.read(tree) if parser.derived else tree)


def _expanded(tree: Tree) -> Tree:
    try:
        return expand(families.opened(tree))
    except UndecidedError:
        return tree


def _is_lone_word(tokens: list[Token]) -> bool:
    """Whether the whole answer is one word: `top` is not a product of letters."""
    if len(tokens) != 2 or tokens[0].kind != WORD:  # noqa: PLR2004  the word, the end
        return False
    word = tokens[0].text
    known = lexicon.ALIASES.get(word, word)
    if known in lexicon.FUNCTIONS or known in lexicon.CONSTANTS or known in lexicon.SPELLED_LETTERS:
        return False
    vowels = any(letter in "aeiouAEIOU" for letter in word)
    return len(word) > 1 and (tokens[0].upright or (len(word) > 2 and vowels))  # noqa: PLR2004  `xy` is a product


def _prose(tokens: list[Token]) -> Text:
    """Return the tokens as words: blanks, stops, braces and faces do not matter."""
    words = [token.raw or token.text for token in tokens if token.text not in _STOPS]
    spelled = ("frac" if word in _FRACTIONS else word for word in words)
    return Text(" ".join(spelled).lower())


def _is_prose(tokens: list[Token], folded: str) -> bool:
    return any(token.kind == WORD for token in tokens) or not folded.isascii()
