"""What joins whole values: relations, ratios, set operations, lists, conditions."""

from rewardd_verifiers.mathexpr import brackets
from rewardd_verifiers.mathexpr.cursor import LIST, RELATION, UNION, Cursor
from rewardd_verifiers.mathexpr.limits import MAX_ELEMENTS, LimitError, UnreadableError
from rewardd_verifiers.mathexpr.tokens import SIGN
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Cases,
    Constant,
    Group,
    Operation,
    Ratio,
    Relation,
    SetOperation,
    Symbol,
    Text,
    Tree,
    symbols,
)

RELATIONS = frozenset(
    {"=", "<", ">", "<=", ">=", "!=", "~", "≡", "≢", "in", "notin", "->", "=>"}
) | {*"⊂⊆⊊⊃⊇≻≺≽≼⊥≅∝∤"}
_SYSTEMS: dict[Tree, Tree] = {Symbol(letter): Constant(letter) for letter in "RZNQC"}
"""What a plain capital names behind a sign of membership."""

_TURNED = {"⊃": "⊂", "⊇": "⊆", "≻": "≺", "≽": "≼"}
"""Relations that are told from their other side."""

JOINTS = {";": 2, "or": 3, ",": LIST, "and": LIST}
"""Signs between the values of a list, with their binding powers."""

_LIST_ENDS = (")", "]", "\\}", "&", "\\\\", "}")


def over(parser: Cursor, left: Tree) -> Tree:
    r"""Read what stands below `\over` or `\choose`."""
    kind = parser.take().text
    right = parser.expression(LIST)
    return Call("binomial", (left, right)) if kind == "choose" else _quotient(left, right)


def _quotient(left: Tree, right: Tree) -> Tree:
    return Operation("quotient", (left, right))


def relation(parser: Cursor, left: Tree) -> Tree:
    """Read a relation or a chain of them."""
    sides, signs = [_label(left)], list[str]()
    while parser.token.kind == SIGN and parser.token.text in RELATIONS:
        sign = parser.take().text
        if sign == "=" and parser.sees("="):
            parser.take()
        if parser.ended and sign == "=":
            raise UnreadableError("nothing behind '='")
        signs.append(sign)
        side = parser.expression(RELATION)
        sides.append(_SYSTEMS.get(side, side) if sign in {"in", "notin"} else side)
    if signs == ["=>"]:
        signs = ["->"]
    if len(signs) == 1 and signs[0] in _TURNED:
        return Relation((_TURNED[signs[0]],), (sides[1], sides[0]))
    return Relation(tuple(signs), tuple(sides))


def _label(left: Tree) -> Tree:
    """Return the words and the name in front of a sign, as in "area of ABC =", as one label."""
    match left:
        case Relation(signs=("=",), sides=(Text(words=words), Symbol() | Operation() as name)):
            names = sorted(symbols(name))
            return Text(" ".join([words, *names])) if names else left
        case _:
            return left


def ratio(parser: Cursor, left: Tree) -> Tree:
    """Read the values behind colons."""
    parts = [left]
    start = parser.position - 1
    while parser.sees(":", "to"):
        parser.take()
        parts.append(parser.expression(RELATION + 1))
    written = "".join(token.text for token in parser.tokens[start : parser.position])
    return Ratio(tuple(parts), written)


def set_operation(parser: Cursor, left: Tree) -> Tree:
    """Read the sets that are joined."""
    kind = parser.take().text
    right = parser.expression(LIST + 2 if kind in {"∧", "∨"} else UNION)
    args = left.args if isinstance(left, SetOperation) and left.kind == kind else (left,)
    return SetOperation(kind, (*args, right))


def values(parser: Cursor, left: Tree) -> Tree:
    """Read values joined by commas, semicolons, "and", "or"."""
    binding = JOINTS[parser.token.text]
    found = [left]
    joined = ""
    while parser.token.kind == SIGN and parser.token.text in {",", ";", "and", "or"}:
        if JOINTS[parser.token.text] != binding:
            break
        joint = parser.take().text
        while parser.sees("and", "or", ","):
            joint = parser.take().text
        joined = joint if joint in {"and", "or"} else joined
        if parser.ended or parser.sees(*_LIST_ENDS):
            break
        found.append(parser.expression(binding))
        if len(found) > MAX_ELEMENTS:
            raise LimitError(f"more than {MAX_ELEMENTS} elements")
    return _gather(found, joined)


def _gather(found: list[Tree], joined: str) -> Tree:
    """Return one list; lists of one width within it stay, as "x=1, y=2 or x=3, y=4"."""
    if len(found) == 1:
        return found[0]
    widths = {len(f.items) if isinstance(f, Group) and _is_bare(f) else 0 for f in found}
    if 0 not in widths and len(widths) == 1:
        return Group(joined, tuple(found))
    flat = [
        item
        for member in found
        for item in (member.items if isinstance(member, Group) and _is_bare(member) else (member,))
    ]
    return Group(joined, tuple(flat))


def _is_bare(group: Group) -> bool:
    return group.bracket in {"", "and", "or"}


def bracketed(parser: Cursor, left: Tree) -> Tree:
    r"""Read the conditions in `y = \ln x \ (x > 0)`, which stand where a factor could."""
    parser.take()
    found, _closer = brackets.items(parser, ")")
    return _gather([left, *found], "")


def condition(parser: Cursor, left: Tree) -> Tree:
    """Read "value if condition"."""
    word = parser.take().text
    if word == "otherwise":
        return Cases(((left, None),))
    return Cases(((left, parser.expression(LIST)),))
