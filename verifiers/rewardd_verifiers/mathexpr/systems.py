r"""Systems of numbers: `\mathbb{R}`, and the halves of it that a sign behind it keeps."""

from collections.abc import Sequence

from rewardd_verifiers.mathexpr.cursor import Cursor
from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.tree import (
    Constant,
    Group,
    Operation,
    SetOperation,
    Symbol,
    Tree,
)


def blackboard(cursor: Cursor) -> Tree:
    """Read the letter of a system of numbers."""
    braced = cursor.accept("{")
    letter = cursor.take().text
    if braced:
        cursor.expect("}")
    if letter not in set("RZNQC"):
        return Symbol(f"bb {letter}")
    if letter in {"Z", "N"}:
        return _half_row(cursor, letter)
    return _half_line(cursor) if letter == "R" else Constant(letter)


_HALVES = (
    *(["^", "{", sign, "}"] for sign in "+-*"),
    *(["^", sign] for sign in "+-*"),
    *(["_", "{", sign, "}"] for sign in "+-"),
    *(["_", sign] for sign in "+-"),
    *(["_", "{", sign, "0", "}"] for sign in (">", ">=", "<", "<=")),
)


_FROM_ONE = (
    *(["^", "{", sign, "}"] for sign in "+*"),
    *(["^", sign] for sign in "+*"),
    *(["_", "{", sign, "}"] for sign in "+*"),
    *(["_", sign] for sign in "+*"),
    ["_", "{", ">", "0", "}"],
    ["_", "{", ">=", "1", "}"],
)
_FROM_NOUGHT = (["_", "{", ">=", "0", "}"], ["_", "0"], ["_", "{", "0", "}"])


def _half_row(cursor: Cursor, letter: str) -> Tree:
    r"""Read what may stand behind `\mathbb{Z}`: the positive ones, or nought and those."""
    for system, spellings in (("Z+", _FROM_ONE), ("Z0+", _FROM_NOUGHT)):
        if letter == "Z" and system == "Z+" and cursor.following.text == "*":
            continue
        if _passes(cursor, spellings):
            return Constant(system)
    return Constant(letter)


def _passes(cursor: Cursor, spellings: Sequence[list[str]]) -> bool:
    """Step over the first of the spellings that stands here."""
    texts = [token.text for token in cursor.tokens[cursor.position : cursor.position + 5]]
    for signs in spellings:
        if texts[: len(signs)] == signs:
            cursor.position += len(signs)
            return True
    return False


def _half_line(cursor: Cursor) -> Tree:
    r"""Read what may stand behind `\mathbb{R}`: a plus or minus keeps one half."""
    texts = [token.text for token in cursor.tokens[cursor.position : cursor.position + 5]]
    for signs in _HALVES:
        if texts[: len(signs)] == signs:
            cursor.position += len(signs)
            zero, infinity = read_number("0"), Constant("infinity")
            below = Operation("negative", (infinity,)), zero
            if "*" in signs:
                return SetOperation("difference", (Constant("R"), Group("{}", (zero,))))
            bracket = "[)" if ">=" in signs else "(]" if "<=" in signs else "()"
            lower = {"-", "<", "<="} & set(signs)
            return Group(bracket, below if lower else (zero, infinity))
    return Constant("R")
