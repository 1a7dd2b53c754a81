"""Where reading stands: the tokens of one answer, and what was noticed on the way."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from rewardd_verifiers.mathexpr.limits import MAX_DEPTH, LimitError, UnreadableError
from rewardd_verifiers.mathexpr.tokens import END, SIGN, Token
from rewardd_verifiers.mathexpr.tree import Tree

ANY, LIST, RELATION, UNION, UNIT, SUM, PRODUCT, ARGUMENT, POWER = 0, 5, 10, 12, 15, 20, 30, 32, 50
"""Binding powers, loosest first."""


@dataclass(frozen=True, slots=True)
class Reading:
    r"""How to take what authors write in two ways; both sides of a pair get the same one.

    Attributes:
        tight_slash: `1/2x` is 1/(2x).
        letter_units: `5 m` is five metres, not five times m.
        common_log: a logarithm without base has base ten, not e.
        plain_times: `A \times B` multiplies two numbers, not two sets.
        plain_powers: `AB^{-1}` divides one number by another, and is no product of matrices.
        plain_bold: a bold letter is the same as the letter, not a vector.
    """

    tight_slash: bool = False
    letter_units: bool = True
    common_log: bool = False
    plain_times: bool = False
    plain_bold: bool = False
    plain_powers: bool = False


class Cursor(ABC):
    """A place in a run of tokens.

    Attributes:
        repairs: what had to be mended, in words.
        doubts: names of the `Reading` fields on which the result depends.
        closers: which sign ends each bracket that is open, innermost last.
        arguments: how many function arguments without brackets are open in this bracket.
        derived: whether a quotient may be a derivative.
    """

    def __init__(self, tokens: list[Token], reading: Reading) -> None:
        self.tokens = tokens
        self.reading = reading
        self.position = 0
        self.depth = 0
        self.repairs: list[str] = []
        self.doubts: set[str] = set()
        self.closers: list[str] = []
        self.arguments = 0
        self.derived = False

    @abstractmethod
    def expression(self, power: int) -> Tree:
        """Read on while signs bind tighter than `power`."""

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.position]

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.token.kind == END

    @property
    def following(self) -> Token:
        """The token behind the next."""
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Step over the next token and return it."""
        token = self.tokens[self.position]
        if token.kind != END:
            self.position += 1
        return token

    def sees(self, *signs: str) -> bool:
        """Whether the next token is one of these signs."""
        token = self.tokens[self.position]
        return token.kind == SIGN and token.text in signs

    def accept(self, sign: str) -> bool:
        """Step over the sign if it is next."""
        if self.sees(sign):
            self.position += 1
            return True
        return False

    def expect(self, *signs: str) -> str:
        """Step over one of the signs; at the end of the text a missing closer is mended."""
        if self.sees(*signs):
            return self.take().text
        if self.token.kind == END:
            self.repairs.append(f"missing {signs[0]}")
            return signs[0]
        raise UnreadableError(f"{signs[0]!r} expected, found {self.token.text!r}")

    def descend(self) -> None:
        """Count one level of nesting."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError(f"nested deeper than {MAX_DEPTH}")

    def inside(self, closer: str, power: int = ANY) -> Tree:
        """Read an expression within a bracket; the closer itself is left to the caller."""
        self.closers.append(closer)
        arguments, self.arguments = self.arguments, 0
        tree = self.expression(power)
        self.arguments = arguments
        self.closers.pop()
        return tree
