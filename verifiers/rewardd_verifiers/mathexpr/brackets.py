"""What stands between brackets: tuples, intervals, sets, bodies of environments, bases."""

import re
from collections.abc import Callable, Mapping

from rewardd_verifiers.mathexpr import lexicon
from rewardd_verifiers.mathexpr.cursor import ANY, LIST, POWER, Cursor
from rewardd_verifiers.mathexpr.limits import (
    MAX_ELEMENTS,
    MAX_MATRIX,
    LimitError,
    UnreadableError,
)
from rewardd_verifiers.mathexpr.numerals import read_words
from rewardd_verifiers.mathexpr.tokens import END, NUMBER, WORD, Token
from rewardd_verifiers.mathexpr.tree import (
    Based,
    Builder,
    Call,
    Cases,
    Constant,
    Group,
    Matrix,
    Operation,
    Relation,
    Tree,
)

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE = re.compile(r"\d{1,2}")
_SET_BARS = ("|", ":")
_ALIGNED = frozenset({"aligned", "align", "split", "alignedat", "eqnarray"})
_SYSTEMS = frozenset({"array", "aligned", "align", "cases", "gathered", "split"})
_GRID = lexicon.words("pmatrix bmatrix Bmatrix matrix smallmatrix array vmatrix Vmatrix")


def items(cursor: Cursor, closer: str) -> tuple[tuple[Tree, ...], str]:
    """Read values up to a closing sign; return them and the sign that stood there."""
    allowed = (")", "]", "[") if closer in {")", "]"} else (closer,)
    cursor.closers.append(closer)
    arguments, cursor.arguments = cursor.arguments, 0
    found = [cursor.expression(LIST)]
    while cursor.sees(",", ";"):
        cursor.take()
        cursor.closers[-1] = closer + ","
        if cursor.sees("and", "or"):
            cursor.take()
        found.append(cursor.expression(LIST))
        if len(found) > MAX_ELEMENTS:
            raise LimitError(f"more than {MAX_ELEMENTS} elements")
    cursor.arguments = arguments
    cursor.closers.pop()
    return tuple(found), cursor.expect(*allowed)


def flat(tree: Tree) -> tuple[Tree, ...]:
    """Return the members of a group, or the one value."""
    return tree.items if isinstance(tree, Group) else (tree,)


def _round(cursor: Cursor) -> Tree:
    found, closed_by = items(cursor, ")")
    if len(found) == 1 and closed_by == ")":
        return found[0]
    return Group("(" + closed_by, found)


def _square(cursor: Cursor) -> Tree:
    found, closed_by = items(cursor, "]")
    if len(found) == 1:
        return found[0] if not isinstance(found[0], Group) else Group("[]", found)
    return Group("[" + closed_by, found)


def _reversed(cursor: Cursor) -> Tree:
    """Read `]1,6]`, an interval that is open on the left."""
    found, closed_by = items(cursor, "]")
    return Group("(" + closed_by, found)


def _angled(cursor: Cursor) -> Tree:
    return Group("⟨⟩", items(cursor, "⟩")[0])


def _set(cursor: Cursor) -> Tree:
    if cursor.accept("\\}"):
        return Constant("empty")
    if cursor.token.text == "begin" and _environment_ahead(cursor) in _SYSTEMS:
        cursor.take()
        tree = environment(cursor, system=True)
        if not cursor.accept("\\}"):
            cursor.accept(".")
        return tree
    return _members(cursor, "\\}")


def _environment_ahead(cursor: Cursor) -> str:
    ahead = cursor.tokens[cursor.position + 2 : cursor.position + 3]
    return ahead[0].text if ahead else ""


def _braces(cursor: Cursor) -> Tree:
    """Read a LaTeX group; with commas or a bar in it, its author meant a set."""
    if cursor.accept("}"):
        counted = cursor.accept("_") or cursor.accept("^")
        return _combinations(cursor) if counted else cursor.expression(ANY)
    return _members(cursor, "}")


def _combinations(cursor: Cursor) -> Tree:
    """Read `{}_{5}C_{2}` behind its first sign."""
    top = cursor.expression(POWER)
    letter = cursor.take().text
    if letter not in {"C", "P"} or not cursor.accept("_"):
        raise UnreadableError("a script with nothing in front")
    chosen = Call("binomial", (top, bottom := cursor.expression(POWER)))
    if letter == "C":
        return chosen
    return Operation("product", (chosen, Operation("factorial", (bottom,))))


def _members(cursor: Cursor, closer: str) -> Tree:
    first = cursor.inside(closer)
    if cursor.sees(*_SET_BARS):
        cursor.take()
        condition = cursor.inside(closer + "=")
        cursor.expect(closer)
        listed = isinstance(condition, Group) and condition.bracket == ""
        conditions = flat(condition) if listed else (condition,)
        return Builder(first, conditions)
    cursor.expect(closer)
    if isinstance(first, Group) and not first.bracket.strip("andor;"):
        return Group("{}", first.items)
    return Group("{}", (first,)) if closer == "\\}" else first


def _bars(name: str, opener: str, closer: str) -> Callable[[Cursor], Tree]:
    def read(cursor: Cursor) -> Tree:
        if cursor.token.text == "begin" and opener == "|":
            cursor.take()
            tree = environment(cursor)
            cursor.expect(closer)
            return Call("det", (tree,))
        tree = cursor.inside(closer)
        cursor.expect(closer)
        return Call(name, (tree,))

    return read


OPENERS: Mapping[str, Callable[[Cursor], Tree]] = {
    "(": _round,
    "[": _square,
    "]": _reversed,
    "⟨": _angled,
    "\\{": _set,
    "{": _braces,
    "|": _bars("abs", "|", "|"),
    "‖": _bars("abs", "‖", "‖"),
    "⌊": _bars("floor", "⌊", "⌋"),
    "⌈": _bars("ceil", "⌈", "⌉"),
}


def environment(cursor: Cursor, *, system: bool = False) -> Tree:
    r"""Read what stands between `\begin{...}` and `\end{...}`."""
    kind = _environment_name(cursor)
    if kind == "array" and cursor.sees("{"):
        _skip_group(cursor)
    if kind in _ALIGNED:
        _drop_marks(cursor)
    rows = _rows(cursor)
    cursor.take()  # \end
    _environment_name(cursor)
    if kind == "cases" or (system and kind in _GRID and any(len(row) > 1 for row in rows)):
        return _cases(rows)
    if kind not in _GRID or system:
        members = tuple(entry for row in rows for entry in row)
        return members[0] if len(members) == 1 else Group("", members)
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise UnreadableError("rows of different length")
    matrix = Matrix(tuple(tuple(row) for row in rows))
    return Call("det", (matrix,)) if kind == "vmatrix" else matrix


def _drop_marks(cursor: Cursor) -> None:
    r"""Drop the `&` of an aligned formula, and the breaks in front of a further `=`."""
    kept: list[Token] = []
    for place in range(cursor.position, len(cursor.tokens)):
        token = cursor.tokens[place]
        if token.text in {"begin", "end"}:
            cursor.tokens[cursor.position : place] = kept
            return
        if token.text == "=" and kept and kept[-1].text == "\\\\":
            kept.pop()
        if token.text != "&":
            kept.append(token)


def _environment_name(cursor: Cursor) -> str:
    cursor.expect("{")
    name = cursor.take().text
    cursor.accept("*")
    cursor.expect("}")
    return name


def _skip_group(cursor: Cursor) -> None:
    depth = 0
    while cursor.token.kind != END:
        text = cursor.take().text
        depth += (text == "{") - (text == "}")
        if depth == 0:
            return


def _rows(cursor: Cursor) -> list[list[Tree]]:
    rows: list[list[Tree]] = [[]]
    cursor.closers.append("end")
    while cursor.token.text != "end":
        if cursor.token.kind == END:
            raise UnreadableError("an environment without end")
        if cursor.accept("\\\\"):
            rows.append([])
        elif not cursor.accept("&"):
            rows[-1].append(_cell(cursor))
        if len(rows) > MAX_MATRIX + 1 or len(rows[-1]) > MAX_MATRIX:
            raise LimitError(f"a matrix larger than {MAX_MATRIX} by {MAX_MATRIX}")
    cursor.closers.pop()
    kept = [row for row in rows if row]
    if not kept:
        raise UnreadableError("an empty environment")
    return kept


def _cell(cursor: Cursor) -> Tree:
    while cursor.accept("if"):
        pass
    alone = cursor.accept("otherwise")
    tree = Constant("otherwise") if alone else cursor.expression(ANY)
    for stop in (",", ";", "."):
        cursor.accept(stop)
    while cursor.accept("if"):
        pass
    return tree


def _cases(rows: list[list[Tree]]) -> Tree:
    branches: list[tuple[Tree, Tree | None]] = []
    for row in rows:
        value, *conditions = row
        if isinstance(value, Cases) and not conditions:
            branches.extend(value.branches)
            continue
        condition = conditions[0] if conditions else None
        if condition == Constant("otherwise"):
            condition = None
        branches.append((value, condition))
    values = [value for value, condition in branches if condition is None]
    if len(values) == len(branches) and all(isinstance(value, Relation) for value in values):
        return Group("", tuple(values))
    return Cases(tuple(branches))


def based(cursor: Cursor, digits: str) -> Tree | None:
    r"""Read the base in `2130_4`, `156_{10}`, `11_{\text{two}}`; None if none stands there."""
    start = cursor.position
    cursor.take()
    braced = cursor.accept("{")
    token = cursor.take()
    if braced and not cursor.accept("}"):
        cursor.position = start
        return None
    base = _base_value(token.kind, token.text)
    if base is None or not base_fits(digits, base):
        cursor.position = start
        return None
    return Based(digits.lower(), base)


def base_fits(digits: str, base: int) -> bool:
    """Whether all digits exist in the base."""
    known = _DIGITS[:base] if base > 1 else ""
    return base <= len(_DIGITS) and all(letter in known for letter in digits.lower())


def _base_value(kind: str, text: str) -> int | None:
    if kind == NUMBER and _BASE.fullmatch(text):
        return int(text)
    return read_words(text) if kind == WORD else None
