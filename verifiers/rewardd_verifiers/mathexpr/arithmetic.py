"""The signs of arithmetic: what each makes of the value before it and the tokens behind."""

from collections.abc import Callable
from fractions import Fraction

from rewardd_verifiers.mathexpr import brackets, differentials, lexicon, units, vectors
from rewardd_verifiers.mathexpr.cursor import ARGUMENT, POWER, PRODUCT, SUM, UNIT, Cursor
from rewardd_verifiers.mathexpr.limits import LimitError, UnreadableError
from rewardd_verifiers.mathexpr.names import subscript
from rewardd_verifiers.mathexpr.numerals import digits_of, read_number
from rewardd_verifiers.mathexpr.tokens import COMMAND, NAME, NUMBER, SIGN, WORD, Token
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Number,
    Operation,
    Ordinal,
    Quantity,
    Symbol,
    Tree,
    Unit,
)

_SIDES = {"+": "from above", "-": "from below"}
"""From which side a limit is taken: `x \\to 0^+`."""

_MARKS = frozenset({"percent", "degrees"})
_MOST_FACTORS = 256
_ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})
_TRAILING = frozenset({"ago", "long", "wide", "high", "tall", "old", "total", "altogether", "each"})
_LONGEST_NOUN = 6
"""Words that may name the things that are counted: "5 small red wooden balls"."""


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


def is_mixed(parser: Cursor, left: Number) -> bool:
    """Whether a fraction in digits follows: `3 2/5`."""
    ahead = parser.tokens[parser.position : parser.position + 3]
    if left.places is not None or left.value.denominator != 1 or len(ahead) < 3:  # noqa: PLR2004  number, slash, number
        return False
    whole = all(token.text.isdigit() for token in ahead[::2])
    return ahead[0].blank and whole and ahead[1].text == "/"


def mixed(parser: Cursor, left: Tree) -> Tree:
    """Read `3 2/5`, a whole number and a fraction."""
    top = read_number(parser.take().text)
    parser.take()
    bottom = read_number(parser.take().text)
    return Operation("sum", (left, Operation("quotient", (top, bottom))))


def product(parser: Cursor, left: Tree) -> Tree:
    """Read a factor without a sign; beside a numeric fraction a whole number is a sum."""
    power = ARGUMENT if parser.arguments else PRODUCT + parser.reading.tight_slash
    right = parser.expression(power)
    if isinstance(left, Number) and left.places is None:
        if _is_plain_fraction(right):
            return Operation("sum", (left, right))
        if (
            isinstance(right, Operation)
            and right.kind in _MARKS
            and _is_plain_fraction(right.args[0])
        ):
            return Operation(right.kind, (Operation("sum", (left, right.args[0])),))
    if isinstance(left, Operation) and left.kind == "product":
        if len(left.args) > _MOST_FACTORS:
            raise LimitError(f"more than {_MOST_FACTORS} factors")
        return Operation("product", (*left.args, right))
    return Operation("product", (left, right))


def _is_plain_fraction(tree: Tree) -> bool:
    return (
        isinstance(tree, Operation)
        and tree.kind == "quotient"
        and all(isinstance(part, Number) and part.places is None for part in tree.args)
    )


def add(parser: Cursor, left: Tree) -> Tree:
    """Read the terms that follow."""
    terms = [left]
    while parser.sees("+", "-", "±", "∓"):
        sign = parser.take().text
        term = parser.expression(SUM)
        terms.append(Operation(_SIGNED[sign], (term,)) if sign != "+" else term)
    return Operation("sum", tuple(terms))


_SIGNED = {"-": "negative", "±": "plusminus", "∓": "minusplus"}


def times(parser: Cursor, left: Tree) -> Tree:
    """Read the factor behind a sign."""
    parser.take()
    right = parser.expression(PRODUCT)
    return _multiplied(left, right)


def _multiplied(left: Tree, right: Tree) -> Tree:
    args = left.args if isinstance(left, Operation) and left.kind == "product" else (left,)
    return Operation("product", (*args, right))


def crossed(parser: Cursor, left: Tree) -> Tree:
    r"""Read the factor behind `\times`: between vectors, or sets, the order of the two counts."""
    parser.take()
    right = parser.expression(PRODUCT)
    if vectors.is_vector(left) and vectors.is_vector(right):
        return Call("cross", (left, right))
    if vectors.is_set_name(left) and vectors.is_set_name(right) and left != right:
        parser.doubts.add("plain_times")
        if not parser.reading.plain_times:
            return Call("cross", (left, right))
    return _multiplied(left, right)


def divide(parser: Cursor, left: Tree) -> Tree:
    """Read a divisor; what may belong to it or not is a doubt."""
    parser.take()
    right = parser.expression(PRODUCT)
    parser.derived |= differentials.begins(left)
    token = parser.token
    tight = parser.reading.tight_slash
    if tight or token.kind in {NAME, COMMAND} or (token.kind == SIGN and token.text in "({"):
        parser.doubts.add("tight_slash")
    return Operation("quotient", (left, right))


def modulo(parser: Cursor, left: Tree) -> Tree:
    """Read a modulus."""
    parser.take()
    return Call("mod", (left, parser.expression(PRODUCT)))


def congruence(parser: Cursor, left: Tree) -> Tree:
    """Read the modulus of a congruence."""
    parser.take()
    return Call("modulo", (left, parser.expression(POWER)))


def power(parser: Cursor, left: Tree) -> Tree:
    """Read an exponent, a degree sign, a prime or the ending of an ordinal."""
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
        return degrees(parser, left) if token.text == "°" else prime(parser, left)
    if token.kind == WORD and token.text in _ORDINAL_ENDINGS and isinstance(left, Number):
        parser.take()
        if braced:
            parser.expect("}")
        return Ordinal(int(left.value))
    if token.text in _SIDES and parser.following.text in {"}", ")"}:
        parser.take()
        if braced:
            parser.expect("}")
        return Call(_SIDES[token.text], (left,))
    return _raised(parser, left, braced=braced)


def _raised(parser: Cursor, left: Tree, *, braced: bool) -> Tree:
    if braced:
        exponent = parser.inside("}")
        parser.expect("}")
    else:
        _part_letter(parser)
        exponent = parser.expression(POWER - 1)
    if vectors.turns(left, exponent):
        parser.doubts.add("plain_powers")
    return Operation("power", (left, exponent))


def _part_letter(parser: Cursor) -> None:
    """Cut the first letter off the run in `e^xe^y`: the rest has an exponent of its own."""
    token = parser.token
    if token.kind == WORD and not token.upright and parser.following.text == "^":
        first, rest = token.text[0], token.text[1:]
        kind = NAME if len(rest) == 1 else WORD
        parser.tokens[parser.position : parser.position + 1] = [
            Token(NAME, first),
            Token(kind, rest),
        ]


def degrees(parser: Cursor, left: Tree) -> Tree:
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


def prime(parser: Cursor, left: Tree) -> Tree:
    """Read a mark behind a name, or feet and inches behind a number."""
    mark = parser.take().text
    if isinstance(left, Symbol):
        return Symbol(left.name + mark)
    if is_numeric(left):
        unit = units.named("ft" if mark == "'" else "in")
        return Quantity(left, unit) if unit else left
    raise UnreadableError(f"{mark!r} behind a value")


def postfix(kind: str) -> Callable[[Cursor, Tree], Tree]:
    """Return a reader for a sign behind its operand."""

    def read(parser: Cursor, left: Tree) -> Tree:
        parser.take()
        if kind == "factorial" and parser.sees("!") and not parser.token.blank:
            return _double(parser, left)
        return Operation(kind, (left,))

    return read


def _double(parser: Cursor, left: Tree) -> Tree:
    """Read `5!!`, which multiplies every other number; three signs in a row are beyond us."""
    parser.take()
    if parser.sees("!"):
        raise UnreadableError("more than two factorial signs")
    return Call("double factorial", (left,))


def subscripted(parser: Cursor, left: Tree) -> Tree:
    """Read `(2130)_4`; any other subscript behind a value is beyond us."""
    if isinstance(left, Number) and left.places is None:
        found = brackets.based(parser, digits_of(left.value.numerator))
        if found is not None:
            return found
    if isinstance(left, Symbol | Constant):
        return Symbol(left.name + subscript(parser))
    raise UnreadableError("a subscript behind a value")


def read_unit(parser: Cursor) -> Unit:
    """Read the unit or noun that stands here."""
    found = units.Reader(parser.tokens, plain_letters=True).read(parser.position)
    if found is not None:
        parser.position = found[1]
        return found[0]
    words: list[str] = []
    while parser.token.kind == WORD or (parser.token.kind == SIGN and parser.token.raw and words):
        if parser.token.raw in {"and", "or"} or len(words) == _LONGEST_NOUN:
            break
        token = parser.take()
        words.append(token.raw or token.text)
    if {word.lower() for word in words} & (lexicon.WEIGHTY | lexicon.RAISING):
        raise UnreadableError(f"{' '.join(words)!r} behind a number")
    return units.noun(" ".join(words))


def money(parser: Cursor, left: Tree) -> Tree:
    """Read a currency sign behind its amount."""
    return Quantity(left, units.currency(parser.take().text))


def _skip_prose(parser: Cursor) -> None:
    """Step over "ago" or "long" behind a unit; a word that changes the value is not skipped."""
    while parser.token.kind == WORD and parser.token.text.lower() in _TRAILING:
        parser.take()


def quantity(parser: Cursor, left: Tree) -> Tree:
    """Read a unit, and the smaller one that may follow: `5 feet 3 inches`."""
    if parser.token.text.lower() in lexicon.MULTIPLIERS:
        power = _whole(10 ** lexicon.MULTIPLIERS[parser.take().text.lower()])
        return Operation("product", (left, power))
    value = Quantity(left, read_unit(parser))
    _skip_prose(parser)
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
