"""Names: letters with their subscripts and primes, and calls of what they name."""

from rewardd_verifiers.mathexpr import brackets, lexicon
from rewardd_verifiers.mathexpr.cursor import PRODUCT, Cursor
from rewardd_verifiers.mathexpr.tokens import END, NAME, NUMBER, WORD, Token
from rewardd_verifiers.mathexpr.tree import Call, Constant, Symbol, Tree

_MOST_POINTS = 3
_PARAMETERS = frozenset("tsrkmnuvc") | {"lambda", "mu", "alpha", "beta"}
"""Names that multiply a direction, as in `(1, 2) + t(3, -1)`."""

_SPECIAL = frozenset({"Gamma", "zeta"})
_MEASURES = frozenset({"P", "E"})
_TELLING = frozenset({"=", "<", ">", "<=", ">=", "|"})
"""Signs of which one, between the brackets of P(X = 2), says that an event stands there."""


def name(cursor: Cursor, token: Token) -> Tree:  # noqa: C901, PLR0911  one kind a line
    """Read a letter: a constant, a symbol with its subscript and primes, or a call."""
    text = token.text
    if text in {"i", "j", "k"} and token.raw == "bold":
        return Symbol(f"vec {text}")
    if token.raw == "bold" and text.islower() and not cursor.sees("_", "(", "'"):
        return _bold(cursor, text)
    if text in {"angle", "triangle"} and _is_corner(cursor.token):
        return _figure(cursor, text)
    if text == "angle" and (cursor.token.kind == NUMBER or cursor.sees("-")):
        return Call("angle", (cursor.expression(PRODUCT),))
    if text in {"e", "i"} and not cursor.sees("_"):
        return Constant(text)
    full = text + subscript(cursor) + _primes(cursor)
    if full in _SPECIAL and cursor.sees("("):
        cursor.take()
        return Call(full, brackets.items(cursor, ")")[0])
    if text in lexicon.UNINTERPRETED or full.endswith("'"):
        return _maybe_call(cursor, full)
    if cursor.sees("("):
        return _numeric_call(cursor, full)
    return Symbol(full)


def _bold(cursor: Cursor, letter: str) -> Tree:
    """Read a bold letter as a vector; its author may only have liked the face."""
    cursor.doubts.add("plain_bold")
    if cursor.reading.plain_bold:
        return Constant(letter) if letter == "e" else Symbol(letter)
    return Symbol(f"vec {letter}")


def _is_corner(token: Token) -> bool:
    return token.kind in {NAME, WORD} and token.text.isupper() and len(token.text) <= _MOST_POINTS


def _figure(cursor: Cursor, kind: str) -> Tree:
    """Read the points of an angle, which is the same read backwards, or of a triangle."""
    points = cursor.take().text
    while len(points) < _MOST_POINTS and _is_corner(cursor.token) and cursor.token.kind == NAME:
        points += cursor.take().text
    if kind == "angle":
        points = min(points, points[::-1])
    return Symbol(f"{kind} {points}")


def subscript(cursor: Cursor) -> str:
    """Read a subscript as part of a name; empty if there is none."""
    if not cursor.accept("_"):
        return ""
    if not cursor.accept("{"):
        return "_" + cursor.take().text
    parts: list[str] = []
    depth = 1
    while cursor.token.kind != END:
        token = cursor.take()
        depth += (token.text == "{") - (token.text == "}")
        if depth == 0:
            break
        parts.append(token.text)
    return "_" + "".join(parts)


def _primes(cursor: Cursor) -> str:
    count = 0
    while cursor.sees("'", "''"):
        count += len(cursor.take().text)
    if cursor.sees("^") and cursor.following.text in {"'", "''"}:
        cursor.take()
        return "'" * len(cursor.take().text)
    return "'" * count


def _maybe_call(cursor: Cursor, full: str) -> Tree:
    """Read `f(x)` and `f^{-1}(x)`; a letter without a bracket stays a symbol."""
    texts = [token.text for token in cursor.tokens[cursor.position : cursor.position + 6]]
    if texts[:5] == ["^", "{", "-", "1", "}"] and texts[5:] == ["("]:
        cursor.position += 5
        full += "^-1"
    if not cursor.sees("("):
        return Symbol(full)
    cursor.take()
    return Call(full, brackets.items(cursor, ")")[0])


def _numeric_call(cursor: Cursor, full: str) -> Tree:
    """Read `I(0)` and `P(A, B)` as calls: nobody multiplies like that."""
    if full in _MEASURES and (event := _event(cursor)):
        return Symbol(f"{full}({event})")
    if full in _PARAMETERS and cursor.position > 1:
        before = cursor.tokens[cursor.position - 2].text
        if before in {"+", "-"}:
            return Symbol(full)
    after = cursor.following
    behind = cursor.tokens[min(cursor.position + 2, len(cursor.tokens) - 1)]
    if _is_defined(cursor) or (
        behind.text in {")", ","} and (after.kind == NUMBER or behind.text == ",")
    ):
        cursor.take()
        return Call(full, brackets.items(cursor, ")")[0])
    return Symbol(full)


def _event(cursor: Cursor) -> str:
    """Step over `(X = 2)` or `(A | B)` and return it as written; "" if it tells no event."""
    texts: list[str] = []
    for token in cursor.tokens[cursor.position + 1 :]:
        if token.text == ")" or token.kind == END:
            break
        texts.append(token.text)
    signs = [text for text in texts if text in _TELLING]
    if len(signs) != 1 or "(" in texts:
        return ""
    cursor.position += len(texts) + 2
    return "".join(texts)


def _is_defined(cursor: Cursor) -> bool:
    """Whether `P(x) =` stands here: the left side of a definition."""
    texts = [token.text for token in cursor.tokens[cursor.position : cursor.position + 4]]
    named = cursor.following.kind == NAME
    return named and texts[2:] == [")", "="]
