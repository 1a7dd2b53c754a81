"""Read an answer: operator precedence over the tokens, to one typed tree."""

from collections.abc import Callable, Mapping

from rewardd_verifiers.mathexpr import arithmetic, joints, lexicon, units
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
from rewardd_verifiers.mathexpr.limits import MAX_DEPTH, LimitError, UnreadableError
from rewardd_verifiers.mathexpr.primaries import prefix
from rewardd_verifiers.mathexpr.tokens import COMMAND, END, NAME, NUMBER, SIGN, WORD, Token
from rewardd_verifiers.mathexpr.tree import Number, Text, Tree, children

_POSTFIX = 60
_SHORTEST_NOUN = 3
_LEVELS_A_TOKEN = 4
"""More than any token adds to the height of a tree."""
_LONGEST_CONDITION = 40
_CONDITIONS = frozenset({"<", ">", "<=", ">=", "!=", "in", "notin"})
_OPENING = frozenset({"(", "[", "{", "\\{"})
_CLOSING = frozenset({")", "]", "}", "\\}"})
_STARTS = frozenset({"(", "[", "{", "|", "⌊", "⌈", "\\{", "‖", "⟨"})


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
    if len(tokens) * _LEVELS_A_TOKEN > MAX_DEPTH:
        _check_height(tree)
    return tree, parser


def _check_height(tree: Tree) -> None:
    """Refuse what later walks could not descend; level by level, so that this walk can."""
    level: list[Tree] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise LimitError(f"nested deeper than {MAX_DEPTH}")


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
            before = self.position
            left = read(self, left)
            if self.position <= before and self.tokens[before] is token:
                raise UnreadableError(f"cannot read on at {token.text!r}")
        self.depth -= 1
        return left

    def _infix(self, token: Token, left: Tree) -> "tuple[int, _Infix | None]":
        if token.kind == SIGN:
            if self._stops_at(token.text):
                return ANY, None
            if token.text in units.CURRENCIES and arithmetic.is_numeric(left):
                return UNIT, arithmetic.money
            if token.text in _INFIX and not (token.raw == "in" and self._is_inch(left)):
                return _INFIX[token.text]
        if self._unit_follows(token, left):
            return UNIT, arithmetic.quantity
        if token.kind in {NUMBER, NAME, COMMAND, WORD} or token.text in _STARTS:
            return self._adjacent(token, left)
        return ANY, None

    def _adjacent(  # noqa: PLR0911  one reason a line
        self, token: Token, left: Tree
    ) -> "tuple[int, _Infix | None]":
        if token.text == "end" or (self.arguments and _begins_function(token)):
            return ANY, None
        if token.text == "[" and self.closers and self.closers[-1] == "],":
            return ANY, None
        if token.text == "(" and self._condition_follows():
            return LIST + 1, joints.bracketed
        if isinstance(left, Text) or _is_word(token):
            return ANY, None
        if isinstance(left, Number) and token.kind == NUMBER:
            return (PRODUCT, arithmetic.mixed) if arithmetic.is_mixed(self, left) else (ANY, None)
        if self.arguments:
            return ARGUMENT, arithmetic.product
        return (PRODUCT + self.reading.tight_slash), arithmetic.product

    def _condition_follows(self) -> bool:
        """Whether `(x > 0)` stands here, which is no factor."""
        depth = 0
        for token in self.tokens[self.position : self.position + _LONGEST_CONDITION]:
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
            if depth == 0:
                return False
            if depth == 1 and token.kind == SIGN and token.text in _CONDITIONS:
                return True
        return False

    def _stops_at(self, sign: str) -> bool:
        closer = self.closers[-1] if self.closers else ""
        if sign == "|":
            return closer in {"|", "\\}", "}"}
        if sign == ":":
            return closer in {"\\}", "}"}
        if sign == "‖":
            return closer == "‖"
        return sign == "[" and closer == "],"

    def _is_inch(self, left: Tree) -> bool:
        return arithmetic.is_numeric(left) and self._unit_follows(Token(WORD, "inch"), left)

    def _unit_follows(self, token: Token, left: Tree) -> bool:
        if token.kind not in {WORD, NAME} and token.raw != "in":
            return False
        if not arithmetic.is_numeric(left):
            return False
        if token.kind == NAME:
            return token.blank and self._letter_unit()
        if token.text == "hr" and not token.upright and self.following.text == "^":
            return False
        found = units.Reader(self.tokens, plain_letters=True).read(self.position)
        return found is not None or self._noun_follows(token)

    def _letter_unit(self) -> bool:
        """Whether `5 m` ends here as a quantity would; then both readings are usual."""
        found = units.Reader(self.tokens, plain_letters=True).read(self.position)
        if "}" in self.closers or found is None or not units.ends(self.tokens[found[1]]):
            return False
        self.doubts.add("letter_units")
        return self.reading.letter_units

    def _noun_follows(self, token: Token) -> bool:
        if token.kind == WORD and not token.text.isascii():
            return True
        if token.kind != WORD or not (token.blank or token.upright):
            return False
        word = token.text
        short = len(word) < _SHORTEST_NOUN and word.lower() != "of"
        if not token.upright and (short or not _has_vowel(word)):
            return False
        return len(word) > 1 and word.lower() not in lexicon.FUNCTIONS | lexicon.SPELLED_LETTERS


def _has_vowel(word: str) -> bool:
    return not word.isascii() or any(letter in "aeiouyAEIOUY" for letter in word)


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


_Infix = Callable[[Cursor, Tree], Tree]
_INFIX: Mapping[str, tuple[int, _Infix | None]] = {
    **{sign: (binding, joints.values) for sign, binding in joints.JOINTS.items()},
    **dict.fromkeys(("if", "otherwise"), (LIST + 1, joints.condition)),
    **dict.fromkeys(("choose", "over"), (LIST + 1, joints.over)),
    **dict.fromkeys(joints.RELATIONS, (RELATION, joints.relation)),
    **dict.fromkeys((":", "to"), (RELATION + 1, joints.ratio)),
    **dict.fromkeys(("∧", "∨"), (LIST + 2, joints.set_operation)),
    **dict.fromkeys(("union", "intersection", "difference"), (UNION, joints.set_operation)),
    **dict.fromkeys(("+", "-", "±", "∓"), (SUM, arithmetic.add)),
    "*": (PRODUCT, arithmetic.times),
    "×": (PRODUCT, arithmetic.crossed),
    "/": (PRODUCT, arithmetic.divide),
    "pmod": (SUM - 1, arithmetic.congruence),
    "mod": (PRODUCT, arithmetic.modulo),
    "^": (POWER, arithmetic.power),
    "!": (_POSTFIX, arithmetic.postfix("factorial")),
    "%": (_POSTFIX, arithmetic.postfix("percent")),
    "°": (_POSTFIX, arithmetic.degrees),
    "'": (_POSTFIX, arithmetic.prime),
    "''": (_POSTFIX, arithmetic.prime),
    "_": (_POSTFIX, arithmetic.subscripted),
}
