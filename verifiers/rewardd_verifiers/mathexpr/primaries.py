"""What can begin an expression: numbers, names, words, fractions, roots, functions, signs."""

from collections.abc import Callable, Mapping
from typing import TypeGuard

from rewardd_verifiers.mathexpr import brackets, differentials, lexicon, units, vectors
from rewardd_verifiers.mathexpr.cursor import ANY, ARGUMENT, POWER, SUM, UNIT, Cursor
from rewardd_verifiers.mathexpr.limits import UnreadableError
from rewardd_verifiers.mathexpr.names import name
from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.systems import blackboard
from rewardd_verifiers.mathexpr.tokens import COMMAND, NAME, NUMBER, SIGN, WORD, Token
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Dots,
    Group,
    Number,
    Operation,
    Quantity,
    Relation,
    SetOperation,
    Symbol,
    Text,
    Tree,
)

_SHORT_WORDS = lexicon.words(
    "no on up so we is it at by of an as be he me my to us yes not odd the are all any one two six "
    "ten red low high top out for and day men non never none neither both off new old big sum its "
    "has had was can may per via few set"
)
_EXTREMES = frozenset({"max", "min"})
_DIVISORS = frozenset({"gcd", "lcm"})

_ONE_MARK = {"overrightarrow": "vec", "widehat": "hat", "widetilde": "tilde", "bar": "overline"}
"""Marks that only grow with what stands below them."""

_TELLING = frozenset({"=", "<", ">", "<=", ">=", "!=", "~", "≡", "in", ":"})

_LONGEST_PRODUCT = 3
"""Letters in a run that still may be factors; longer runs are words."""


def prefix(cursor: Cursor, power: int) -> Tree:
    """Read what begins here."""
    token = cursor.take()
    read = _KINDS.get(token.kind)
    return read(cursor, token) if read is not None else _sign(cursor, token, power)


def _number(cursor: Cursor, token: Token) -> Tree:
    if cursor.sees("_"):
        based = brackets.based(cursor, token.text)
        if based is not None:
            return based
    return read_number(token.text)


def _word(cursor: Cursor, token: Token) -> Tree:  # noqa: PLR0911  one family a line
    word = token.text
    known = lexicon.ALIASES.get(word, word)
    if known in lexicon.FUNCTIONS:
        if token.upright and known in _EXTREMES and cursor.token.kind == NUMBER:
            return _prose(cursor, token)
        return Text(word) if cursor.sees("=", ":") else function(cursor, known)
    if known in lexicon.CONSTANTS:
        return Constant(lexicon.CONSTANTS[known])
    if word in lexicon.SPELLED_LETTERS and not token.upright:
        return Symbol(word)
    if len(word) > 1 and not word.strip("IVX"):
        return Text(word.lower())
    if token.upright and len(word) == 1 and (cursor.sees("_", "^", "(") or _is_term(cursor)):
        return name(cursor, token)
    if not token.upright and (_is_product(word) or _is_raised(cursor, word)):
        return _letters(cursor, token)
    return _prose(cursor, token)


def _is_term(cursor: Cursor) -> bool:
    r"""Whether a sign of arithmetic stands before what was just read, as in `x^2 + \text{C}`."""
    before = cursor.tokens[cursor.position - 2]
    return cursor.position > 1 and before.kind == SIGN and before.text in {"+", "-", "*", "×"}


def _is_product(word: str) -> bool:
    """Whether a run of letters is a product of names, as `xy` and `abc`, rather than a word."""
    if len(word) > _LONGEST_PRODUCT or word.lower() in _SHORT_WORDS:
        return False
    spoken = len(word) == _LONGEST_PRODUCT and word[1] in "aeiou" and word[0] not in "aeiou"
    return not (spoken or (len(word) == _LONGEST_PRODUCT and word.istitle()))


def _is_raised(cursor: Cursor, word: str) -> bool:
    """Whether an exponent shows that `Be^{-x}` is a product of names, though "be" is a word."""
    short = len(word) <= _LONGEST_PRODUCT and word.isascii()
    return short and cursor.sees("^") and cursor.following.text not in {'"', "'", "°"}


def _letters(cursor: Cursor, token: Token) -> Tree:
    """Read `xy` as a product; what follows belongs to its last letter."""
    *front, last = token.text
    factors = [_constant_or_symbol(letter) for letter in front]
    factors.append(name(cursor, Token(NAME, last)))
    power = cursor.expression(POWER - 1) if cursor.accept("^") else None
    if power is not None:
        if vectors.turns(factors[-1], power):
            cursor.doubts.add("plain_powers")
        factors[-1] = Operation("power", (factors[-1], power))
    return Operation("product", tuple(factors))


def _constant_or_symbol(letter: str) -> Tree:
    return Constant(letter) if letter in {"e", "i"} else Symbol(letter)


def _prose(cursor: Cursor, token: Token) -> Tree:
    """Read a run of words; in front of a value they are its label."""
    words = [token.text]
    while cursor.token.kind == WORD or (cursor.token.kind == NAME and cursor.token.upright):
        words.append(cursor.take().text)
    text = Text(lexicon.label(" ".join(words).lower()))
    told = cursor.accept(":")
    after = cursor.token
    if after.kind in {NUMBER, NAME} and lexicon.FILLING.issuperset(text.words.split()):
        return cursor.expression(UNIT - 1)
    if after.text == "end":
        return text
    if after.kind in {NUMBER, NAME, COMMAND} or cursor.sees("(", "[", "-", "\\$", "±", "+", "\\{"):
        if not told and _is_reaching(cursor, text.words):
            raise UnreadableError(f"{text.words!r} in front of a value")
        return Relation(("=",), (text, cursor.expression(UNIT - 1)))
    return text


def _is_reaching(cursor: Cursor, said: str) -> bool:
    """Whether "multiples of" makes another value of what follows; before a sign it is a label."""
    spoken = said.split()
    if spoken[-1] not in lexicon.REACHING and lexicon.CHANGING.isdisjoint(spoken):
        return False
    return all(token.text not in _TELLING for token in cursor.tokens[cursor.position :])


def function(cursor: Cursor, called: str) -> Tree:
    """Read the arguments of a known function, with its base, power and inverse."""
    base: tuple[Tree, ...] = ()
    if cursor.accept("_"):
        base = (_base(cursor),)
    power: Tree | None = None
    if cursor.accept("^"):
        power = cursor.expression(POWER - 1)
    arguments = _members(called, _arguments(cursor))
    if called == "cis":
        turned = Operation("product", (Constant("i"), Call("sin", arguments)))
        return Operation("sum", (Call("cos", arguments), turned))
    if called == "log" and len(arguments) == 1:
        if not base:
            cursor.doubts.add("common_log")
            base = (read_number("10"),) if cursor.reading.common_log else (Constant("e"),)
        arguments = (*base, *arguments)
    elif called == "lg":
        called, arguments = "log", (read_number("10"), *arguments)
    if power == Operation("negative", (read_number("1"),)):
        return Call("arc" + called, arguments)
    result: Tree = Call(called, arguments)
    return result if power is None else Operation("power", (result, power))


def _members(called: str, arguments: tuple[Tree, ...]) -> tuple[Tree, ...]:
    r"""Return the values of `\max\{a, b\}`; those of a common divisor in one order."""
    if called not in _DIVISORS | _EXTREMES:
        return arguments
    if len(arguments) == 1 and isinstance(group := arguments[0], Group) and group.bracket == "{}":
        arguments = group.items
    return tuple(sorted(arguments, key=repr)) if called in _DIVISORS else arguments


def _base(cursor: Cursor) -> Tree:
    r"""Read the base of a logarithm; in `\log_28` it is one digit."""
    token = cursor.token
    after = cursor.following
    if token.kind != NUMBER or after.kind in {NUMBER, NAME, COMMAND} or after.text in {"(", "{"}:
        return argument(cursor)
    return _digit(cursor)


def _arguments(cursor: Cursor) -> tuple[Tree, ...]:
    if cursor.accept("("):
        return brackets.items(cursor, ")")[0]
    if cursor.sees("{", "["):
        return brackets.flat(prefix(cursor, POWER))
    cursor.arguments += 1
    tree = cursor.expression(ARGUMENT - 1)
    cursor.arguments -= 1
    return (tree,)


def argument(cursor: Cursor) -> Tree:
    r"""Read one argument of a command: a group, or one token; `\frac12` has two digits."""
    if cursor.accept("{"):
        tree = cursor.inside("}")
        cursor.expect("}")
        return tree
    if cursor.token.kind == NUMBER:
        return _digit(cursor)
    if cursor.token.kind == WORD and not cursor.token.upright:
        return _letter(cursor)
    cursor.descend()
    tree = prefix(cursor, POWER)
    cursor.depth -= 1
    return tree


def _digit(cursor: Cursor) -> Tree:
    token = cursor.token
    if not token.text[0].isdigit() or len(token.text) == 1:
        cursor.take()
        return read_number(token.text)
    rest = Token(NUMBER, token.text[1:])
    cursor.tokens[cursor.position] = rest
    return read_number(token.text[0])


def _letter(cursor: Cursor) -> Tree:
    r"""Read one letter of a run: `\frac ab` and `\binom nk` have two arguments."""
    letter, rest = cursor.token.text[0], cursor.token.text[1:]
    cursor.tokens[cursor.position] = Token(NAME if len(rest) == 1 else WORD, rest)
    return _constant_or_symbol(letter)


def _fraction(cursor: Cursor) -> Tree:
    top = argument(cursor)
    cursor.derived |= differentials.begins(top)
    return Operation("quotient", (top, argument(cursor)))


def _root(cursor: Cursor) -> Tree:
    degree: Tree | None = None
    if cursor.accept("["):
        degree = cursor.inside("]")
        cursor.expect("]")
    if cursor.accept("("):
        (radicand, *_), _closer = brackets.items(cursor, ")")
    elif cursor.token.kind == NUMBER:
        radicand = read_number(cursor.take().text)
    else:
        radicand = argument(cursor)
    return Operation("root", (radicand, degree or read_number("2")))


def _binomial(cursor: Cursor) -> Tree:
    top = argument(cursor)
    return Call("binomial", (top, argument(cursor)))


def _indexed(cursor: Cursor, kind: str) -> Tree:
    low: Tree | None = None
    high: Tree | None = None
    while cursor.sees("_", "^"):
        if cursor.take().text == "_":
            low = argument(cursor)
        else:
            high = argument(cursor)
    body = cursor.expression(SUM)
    ends = tuple(end for end in (low, high) if end is not None)
    return Call(kind, (*ends, body))


def _accent(cursor: Cursor, kind: str) -> Tree:
    """Read a marked name; `overline` of digits stands for itself, a marked i, j, k is a basis."""
    inner = argument(cursor)
    if kind in {"underset", "overset", "stackrel", "underbrace", "overbrace"}:
        return argument(cursor) if kind not in {"underbrace", "overbrace"} else inner
    kind = _ONE_MARK.get(kind, kind)
    letters = {"imath": "i", "jmath": "j"}
    if isinstance(inner, Symbol | Constant):
        letter = letters.get(inner.name, inner.name)
        basis = kind in {"hat", "vec"} and letter in {"i", "j", "k"}
        return Symbol(f"vec {letter}") if basis else Symbol(f"{kind} {inner.name}")
    if kind == "overline" and _is_digits(inner):
        return Call("digits", inner.args)
    points = _points(inner)
    if points and kind == "vec":
        return Symbol(f"vec {points}")
    return Call(kind, (inner,))


def _is_digits(tree: Tree) -> TypeGuard[Operation]:
    r"""Whether `\overline{abc}` writes a number by its digits; of z and w it is a conjugate."""
    if not isinstance(tree, Operation) or tree.kind != "product":
        return False
    names = [arg.name for arg in tree.args if isinstance(arg, Symbol)]
    digits = [arg for arg in tree.args if isinstance(arg, Number)]
    plain = all(len(name) == 1 and name.islower() and name not in "zw" for name in names)
    return plain and bool(names) and len(names) + len(digits) == len(tree.args)


def _points(tree: Tree) -> str:
    """Return the letters of `AB`, in their order; "" if it is no pair of points."""
    if not isinstance(tree, Operation) or tree.kind != "product":
        return ""
    names = [arg.name for arg in tree.args if isinstance(arg, Symbol) and arg.name.isupper()]
    return "".join(names) if len(names) == len(tree.args) else ""


_COMMANDS: Mapping[str, Callable[[Cursor], Tree]] = {
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"), _fraction),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), _binomial),
    "sqrt": _root,
    "mathbb": blackboard,
    "Bbb": blackboard,
    "begin": brackets.environment,
}


def _command(cursor: Cursor, token: Token) -> Tree:  # noqa: PLR0911  one family a line
    text = token.text
    if text in _COMMANDS:
        return _COMMANDS[text](cursor)
    known = lexicon.ALIASES.get(text, text)
    if known in lexicon.FUNCTIONS:
        return Text(known) if cursor.sees("=") else function(cursor, known)
    if text in lexicon.CONSTANTS:
        return Constant(lexicon.CONSTANTS[text])
    if text in {"sum", "prod"}:
        return _indexed(cursor, text)
    if text in {"int", "iint", "iiint", "oint", "lim", "bigcup", "bigcap", "limsup", "liminf"}:
        return _indexed(cursor, text)
    if text in lexicon.ACCENTS:
        return _accent(cursor, text)
    return Symbol(f"\\{text}")


def _signed(kind: str) -> Callable[[Cursor, int], Tree]:
    def signed(operand: Tree) -> Tree:
        return operand if kind == "plus" else Operation(kind, (operand,))

    def read(cursor: Cursor, power: int) -> Tree:
        operand = cursor.expression(max(power, SUM))
        if isinstance(operand, Quantity):
            return Quantity(signed(operand.value), operand.unit)
        return signed(operand)

    return read


def _money(sign: str) -> Callable[[Cursor, int], Tree]:
    def read(cursor: Cursor, power: int) -> Tree:  # noqa: ARG001  the signature of all signs
        amount = cursor.expression(UNIT)
        exponent = lexicon.MULTIPLIERS.get(cursor.token.text.lower())
        if exponent is not None:
            cursor.take()
            amount = Operation("product", (amount, read_number("1" + "0" * exponent)))
        return Quantity(amount, units.currency(sign))

    return read


def _dots(cursor: Cursor, power: int) -> Tree:  # noqa: ARG001  the signature of all signs
    return Dots()


_SIGNS: Mapping[str, Callable[[Cursor, int], Tree]] = {
    "-": _signed("negative"),
    "+": _signed("plus"),
    "±": _signed("plusminus"),
    "∓": _signed("minusplus"),
    "...": _dots,
    **{sign: _money(sign) for sign in units.CURRENCIES},
}


def _sign(cursor: Cursor, token: Token, power: int) -> Tree:
    text = token.text
    if text in _SIGNS:
        return _SIGNS[text](cursor, power)
    if text == "⊥":
        return Symbol(text)
    if text == "not" and not token.raw:
        return SetOperation("¬", (cursor.expression(SUM),))
    if text in brackets.OPENERS:
        return brackets.OPENERS[text](cursor)
    if text in {"=", "~"} and cursor.position == 1:
        return cursor.expression(ANY)
    if token.kind == SIGN and token.raw and token.raw not in {"and", "or"}:
        return _prose(cursor, Token(WORD, token.raw))
    raise UnreadableError(f"{text or 'the end'!r} where a value should stand")


_KINDS: Mapping[str, Callable[[Cursor, Token], Tree]] = {
    NUMBER: _number,
    NAME: name,
    WORD: _word,
    COMMAND: _command,
}
