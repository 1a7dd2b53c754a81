"""Read an answer: operator precedence over the tokens, to one typed tree."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from rewardd_verifiers.mathexpr import brackets, lexicon, units
from rewardd_verifiers.mathexpr.cursor import (
    ANY,
    ARGUMENT,
    LIST,
    POWER,
    PRODUCT,
    RELATION,
    SUM,
    UNION,
    UNIT,
    Cursor,
    Reading,
)
from rewardd_verifiers.mathexpr.limits import MAX_ELEMENTS, LimitError, UnreadableError
from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.primaries import prefix, subscript
from rewardd_verifiers.mathexpr.tokens import COMMAND, END, NAME, NUMBER, SIGN, WORD, Token
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Cases,
    Constant,
    Group,
    Number,
    Operation,
    Ordinal,
    Quantity,
    Ratio,
    Relation,
    SetOperation,
    Symbol,
    Text,
    Tree,
    Unit,
)

_POSTFIX = 60
_RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "!=", "~", "≡", "in", "notin", "->", "=>"})
_STARTS = frozenset({"(", "[", "{", "|", "⌊", "⌈", "\\{", "‖"})
_ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})
_LONGEST_NOUN = 6
"""Words that may name the things that are counted: "5 small red wooden balls"."""


def parse(tokens: list[Token], reading: Reading) -> tuple[Tree, "Parser"]:
    """Return the tree of all tokens, and the parser with its repairs and doubts.

    Raises:
        UnreadableError: the tokens are no mathematics.
        LimitError: they are too many, or nested too deep.
    """
    parser = Parser(list(tokens), reading)
    tree = parser.expression(ANY)
    if parser.token.kind != END:
        raise UnreadableError(f"cannot read on at {parser.token.text!r}")
    return tree, parser


class Parser(Cursor):
    """Joins what `prefix` reads by the signs between."""

    def expression(self, power: int) -> Tree:
        """Read on while signs bind tighter than `power`."""
        self.descend()
        left = prefix(self, power)
        while (token := self.token).kind != END:
            binding, read = self._infix(token, left)
            if read is None or binding <= power:
                break
            left = read(self, left)
        self.depth -= 1
        return left

    def _infix(self, token: Token, left: Tree) -> "tuple[int, _Infix | None]":
        if token.kind == SIGN:
            if self._stops_at(token.text):
                return ANY, None
            if token.text in _INFIX and not (token.raw == "in" and self._is_inch(left)):
                return _INFIX[token.text]
        if self._unit_follows(token, left):
            return UNIT, _quantity
        if token.kind in {NUMBER, NAME, COMMAND, WORD} or token.text in _STARTS:
            return self._adjacent(token, left)
        return ANY, None

    def _adjacent(self, token: Token, left: Tree) -> "tuple[int, _Infix | None]":
        if token.text == "end" or (self.arguments and _begins_function(token)):
            return ANY, None
        if token.text == "[" and self.closers and self.closers[-1] == "],":
            return ANY, None
        if isinstance(left, Text) or _is_word(token):
            return ANY, None
        if isinstance(left, Number) and token.kind == NUMBER:
            return (PRODUCT, _mixed) if _is_mixed(self, left) else (ANY, None)
        if self.arguments:
            return ARGUMENT, _product
        return (PRODUCT + self.reading.tight_slash), _product

    def _stops_at(self, sign: str) -> bool:
        closer = self.closers[-1] if self.closers else ""
        if sign == "|":
            return closer in {"|", "\\}", "}"}
        if sign == ":":
            return closer in {"\\}", "}"}
        return sign == "[" and closer == "],"

    def _is_inch(self, left: Tree) -> bool:
        return is_numeric(left) and self._unit_follows(Token(WORD, "inch"), left)

    def _unit_follows(self, token: Token, left: Tree) -> bool:
        if token.kind not in {WORD, NAME} and token.raw != "in":
            return False
        if not is_numeric(left):
            return False
        if token.kind == NAME:
            return token.blank and self._letter_unit()
        found = units.Reader(self.tokens, plain_letters=True).read(self.position)
        return found is not None or self._noun_follows(token)

    def _letter_unit(self) -> bool:
        """Whether `5 m` ends here as a quantity would; then both readings are usual."""
        found = units.Reader(self.tokens, plain_letters=True).read(self.position)
        if found is None or not units.ends(self.tokens[found[1]]):
            return False
        self.doubts.add("letter_units")
        return self.reading.letter_units

    def _noun_follows(self, token: Token) -> bool:
        if token.kind != WORD or not (token.blank or token.upright):
            return False
        word = token.text
        return len(word) > 1 and word.lower() not in lexicon.FUNCTIONS | lexicon.SPELLED_LETTERS

    def unit(self) -> Unit:
        """Read the unit or noun that stands here."""
        found = units.Reader(self.tokens, plain_letters=True).read(self.position)
        if found is not None:
            self.position = found[1]
            return found[0]
        words: list[str] = []
        while self.token.kind == WORD or (self.token.kind == SIGN and self.token.raw and words):
            if self.token.raw in {"and", "or"} or len(words) == _LONGEST_NOUN:
                break
            words.append(self.token.raw or self.take().text)
            if self.token.raw and words[-1] == self.token.raw:
                self.take()
        return units.noun(" ".join(words))


def is_numeric(tree: Tree) -> bool:
    """Whether a unit may follow: a value without free names."""
    pending = [tree]
    while pending:
        node = pending.pop()
        match node:
            case Number():
                pass
            case Constant(name=name) if name in {"pi", "e"}:
                pass
            case Operation(kind=kind, args=args) if kind != "degrees":
                pending.extend(args)
            case _:
                return False
    return True


def _is_word(token: Token) -> bool:
    if token.kind != WORD:
        return False
    known = lexicon.ALIASES.get(token.text, token.text)
    if known in lexicon.FUNCTIONS or known in lexicon.CONSTANTS or known in lexicon.SPELLED_LETTERS:
        return False
    return token.upright or len(token.text) > 3  # noqa: PLR2004  short runs are factors


def _begins_function(token: Token) -> bool:
    known = lexicon.ALIASES.get(token.text, token.text)
    return token.kind in {COMMAND, WORD} and known in lexicon.FUNCTIONS and known != "sqrt"


def _is_mixed(parser: Parser, left: Number) -> bool:
    ahead = parser.tokens[parser.position : parser.position + 3]
    if left.places is not None or left.value.denominator != 1 or len(ahead) < 3:  # noqa: PLR2004  number, slash, number
        return False
    whole = all(token.text.isdigit() for token in ahead[::2])
    return ahead[0].blank and whole and ahead[1].text == "/"


def _mixed(parser: Cursor, left: Tree) -> Tree:
    top = read_number(parser.take().text)
    parser.take()
    bottom = read_number(parser.take().text)
    return Operation("sum", (left, Operation("quotient", (top, bottom))))


def _product(parser: Cursor, left: Tree) -> Tree:
    power = ARGUMENT if parser.arguments else PRODUCT + parser.reading.tight_slash
    right = parser.expression(power)
    if isinstance(left, Number) and _is_plain_fraction(right) and left.places is None:
        return Operation("sum", (left, right))
    if isinstance(left, Operation) and left.kind == "product":
        return Operation("product", (*left.args, right))
    return Operation("product", (left, right))


def _is_plain_fraction(tree: Tree) -> bool:
    return (
        isinstance(tree, Operation)
        and tree.kind == "quotient"
        and all(isinstance(part, Number) and part.places is None for part in tree.args)
    )


def _sum(parser: Cursor, left: Tree) -> Tree:
    terms = [left]
    while parser.sees("+", "-", "±", "∓"):
        sign = parser.take().text
        term = parser.expression(SUM)
        terms.append(Operation(_SIGNED[sign], (term,)) if sign != "+" else term)
    return Operation("sum", tuple(terms))


_SIGNED = {"-": "negative", "±": "plusminus", "∓": "minusplus"}


def _times(parser: Cursor, left: Tree) -> Tree:
    parser.take()
    right = parser.expression(PRODUCT)
    args = left.args if isinstance(left, Operation) and left.kind == "product" else (left,)
    return Operation("product", (*args, right))


def _divide(parser: Cursor, left: Tree) -> Tree:
    parser.take()
    right = parser.expression(PRODUCT)
    token = parser.token
    tight = parser.reading.tight_slash
    if tight or token.kind in {NAME, COMMAND} or (token.kind == SIGN and token.text in "({"):
        parser.doubts.add("tight_slash")
    return Operation("quotient", (left, right))


def _over(parser: Cursor, left: Tree) -> Tree:
    kind = parser.take().text
    right = parser.expression(LIST)
    return Call("binomial", (left, right)) if kind == "choose" else _quotient(left, right)


def _quotient(left: Tree, right: Tree) -> Tree:
    return Operation("quotient", (left, right))


def _modulo(parser: Cursor, left: Tree) -> Tree:
    parser.take()
    return Call("mod", (left, parser.expression(PRODUCT)))


def _power(parser: Cursor, left: Tree) -> Tree:
    parser.take()
    braced = parser.accept("{")
    token = parser.token
    if token.text in {"°", "'", "''"} and token.kind == SIGN:
        if braced:
            parser.position += 1
            parser.accept("}")
            parser.position -= 1
            parser.tokens[parser.position - 1 : parser.position] = []
            parser.tokens[parser.position - 1] = token
            parser.position -= 1
        return _degrees(parser, left) if token.text == "°" else _prime(parser, left)
    if token.kind == WORD and token.text in _ORDINAL_ENDINGS and isinstance(left, Number):
        parser.take()
        if braced:
            parser.expect("}")
        return Ordinal(int(left.value))
    if braced:
        exponent = parser.inside("}")
        parser.expect("}")
    else:
        exponent = parser.expression(POWER - 1)
    return Operation("power", (left, exponent))


def _degrees(parser: Cursor, left: Tree) -> Tree:
    """Read an angle with its minutes and seconds, or a temperature."""
    parser.take()
    after = parser.token
    if after.text in units.TEMPERATURES and after.kind in {NAME, WORD}:
        parser.take()
        return Quantity(left, units.TEMPERATURES[after.text])
    total = left
    for sign, share in (("'", 60), ("''", 3600)):
        if parser.token.kind == NUMBER and _arc_sign(parser) == sign:
            part = Operation("quotient", (read_number(parser.take().text), _whole(share)))
            total = Operation("sum", (total, part))
            _skip_arc_sign(parser)
    return Operation("degrees", (total,))


def _arc_sign(parser: Cursor) -> str:
    texts = [t.text for t in parser.tokens[parser.position + 1 : parser.position + 6]]
    marks = [text for text in texts if text not in {"^", "{", "}"}][:2]
    if marks[:1] == ["''"] or marks == ["'", "'"]:
        return "''"
    return marks[0] if marks else ""


def _skip_arc_sign(parser: Cursor) -> None:
    while parser.sees("^", "{", "'", "''", "}"):
        parser.take()


def _whole(value: int) -> Number:
    return Number(Fraction(value))


def _prime(parser: Cursor, left: Tree) -> Tree:
    mark = parser.take().text
    if isinstance(left, Symbol):
        return Symbol(left.name + mark)
    if is_numeric(left):
        unit = units.named("ft" if mark == "'" else "in")
        return Quantity(left, unit) if unit else left
    raise UnreadableError(f"{mark!r} behind a value")


def _postfix(kind: str) -> "_Infix":
    def read(parser: Cursor, left: Tree) -> Tree:
        parser.take()
        return Operation(kind, (left,))

    return read


def _subscripted(parser: Cursor, left: Tree) -> Tree:
    """Read `(2130)_4`; any other subscript behind a value is beyond us."""
    if isinstance(left, Number) and left.places is None:
        found = brackets.based(parser, str(left.value.numerator))
        if found is not None:
            return found
    if isinstance(left, Symbol | Constant):
        return Symbol(left.name + subscript(parser))
    raise UnreadableError("a subscript behind a value")


def _quantity(parser: Cursor, left: Tree) -> Tree:
    """Read a unit, and the smaller one that may follow: `5 feet 3 inches`."""
    assert isinstance(parser, Parser)  # noqa: S101  the only cursor that there is
    value = Quantity(left, parser.unit())
    while parser.token.kind == NUMBER or (parser.sees("and") and parser.following.kind == NUMBER):
        start = parser.position
        parser.accept("and")
        smaller = parser.expression(UNIT - 1)
        if not isinstance(smaller, Quantity) or smaller.unit.dimension != value.unit.dimension:
            parser.position = start
            break
        share = _whole(1), Number(smaller.unit.factor / value.unit.factor)
        part = Operation("product", (smaller.value, share[1]))
        value = Quantity(Operation("sum", (value.value, part)), value.unit)
    return value


def _relation(parser: Cursor, left: Tree) -> Tree:
    sides, signs = [left], list[str]()
    while parser.token.kind == SIGN and parser.token.text in _RELATIONS:
        sign = parser.take().text
        if sign == "=" and parser.sees("="):
            parser.take()
        if parser.ended and sign == "=":
            raise UnreadableError("nothing behind '='")
        signs.append(sign)
        sides.append(parser.expression(RELATION))
    return Relation(tuple(signs), tuple(sides))


def _ratio(parser: Cursor, left: Tree) -> Tree:
    parts = [left]
    start = parser.position - 1
    while parser.sees(":", "to"):
        parser.take()
        parts.append(parser.expression(RELATION + 1))
    written = "".join(token.text for token in parser.tokens[start : parser.position])
    return Ratio(tuple(parts), written)


def _set_operation(parser: Cursor, left: Tree) -> Tree:
    kind = parser.take().text
    right = parser.expression(UNION)
    args = left.args if isinstance(left, SetOperation) and left.kind == kind else (left,)
    return SetOperation(kind, (*args, right))


def _list(parser: Cursor, left: Tree) -> Tree:
    """Read values joined by commas, semicolons, "and", "or"."""
    binding = _INFIX[parser.token.text][0]
    found = [left]
    joined = ""
    while parser.token.kind == SIGN and parser.token.text in {",", ";", "and", "or"}:
        if _INFIX[parser.token.text][0] != binding:
            break
        joint = parser.take().text
        while parser.sees("and", "or", ","):
            joint = parser.take().text
        joined = joint if joint in {"and", "or"} else joined
        if parser.ended or parser.sees(")", "]", "\\}"):
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


def _condition(parser: Cursor, left: Tree) -> Tree:
    """Read "value if condition"."""
    word = parser.take().text
    if word == "otherwise":
        return Cases(((left, None),))
    return Cases(((left, parser.expression(LIST)),))


_Infix = Callable[[Cursor, Tree], Tree]
_INFIX: Mapping[str, tuple[int, _Infix | None]] = {
    ";": (2, _list),
    "or": (3, _list),
    ",": (LIST, _list),
    "and": (LIST, _list),
    "if": (LIST + 1, _condition),
    "otherwise": (LIST + 1, _condition),
    "choose": (LIST + 1, _over),
    "over": (LIST + 1, _over),
    **dict.fromkeys(_RELATIONS, (RELATION, _relation)),
    **dict.fromkeys((":", "to"), (RELATION + 1, _ratio)),
    **dict.fromkeys(("union", "intersection", "difference"), (UNION, _set_operation)),
    **dict.fromkeys(("+", "-", "±", "∓"), (SUM, _sum)),
    "*": (PRODUCT, _times),
    "/": (PRODUCT, _divide),
    "mod": (PRODUCT, _modulo),
    "^": (POWER, _power),
    "!": (_POSTFIX, _postfix("factorial")),
    "%": (_POSTFIX, _postfix("percent")),
    "°": (_POSTFIX, _degrees),
    "'": (_POSTFIX, _prime),
    "''": (_POSTFIX, _prime),
    "_": (_POSTFIX, _subscripted),
}
