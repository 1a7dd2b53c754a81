"""Evaluate trees in ball arithmetic: unequal is a proof, equal is evidence at secret points.

Source of the method: identity testing at random points (Schwartz 1980, Zippel 1979), with
rigorous error bounds from Arb (Johansson 2017) in place of floating point.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from flint import acb

from rewardd_verifiers.mathexpr import balls
from rewardd_verifiers.mathexpr.exact import UndefinedError, bits, rational
from rewardd_verifiers.mathexpr.expand import rebuild
from rewardd_verifiers.mathexpr.limits import (
    MAX_EXACT_BITS,
    MAX_TERMS,
    Steps,
    UndecidedError,
)
from rewardd_verifiers.mathexpr.secret import digits
from rewardd_verifiers.mathexpr.tree import (
    Based,
    Call,
    Constant,
    Dots,
    Number,
    Operation,
    Ordinal,
    Relation,
    Symbol,
    Text,
    Tree,
    walk,
)


class Evaluator:
    """Evaluates trees at one point.

    Attributes:
        least: exponent of two of the smallest addend met; what is below its precision is unseen.
        strayed: whether some part of a tree was not real.
    """

    def __init__(self, values: Mapping[str, Fraction], steps: Steps) -> None:
        self._values = {name: balls.ball(value) for name, value in values.items()}
        self._steps = steps
        self._depth = 0
        self.least = 0
        self.strayed = False

    def value(self, tree: Tree) -> acb:
        """Return a ball that holds the value.

        Raises:
            UndefinedError: the value does not exist.
            UndecidedError: we cannot evaluate this.
        """
        self._steps.take()
        match tree:
            case Number(value=value):
                found = balls.ball(value)
            case Symbol(name=name):
                found = self._symbol(name)
            case Constant(name=name):
                found = balls.constant(name)
            case Operation(kind=kind, args=args):
                found = self._operation(kind, args)
                self.strayed |= kind in _STRAYING and not found.imag.contains(0)
            case Call(name=name, args=args):
                found = self._call(name, args)
                self.strayed |= not found.imag.contains(0)
            case Dots():
                found = self._symbol("text ...")
            case Text(words=prose):
                found = self._symbol("text " + prose)
            case _:
                found = _whole(tree)
        return found

    def _symbol(self, name: str) -> acb:
        found = self._values.get(name)
        if found is None:
            raise UndecidedError(f"no value for {name}")
        return found

    def note(self, value: acb) -> None:
        """Remember how small an addend is."""
        size = balls.exponent_of(value)
        if size is not None and size < self.least:
            self.least = size

    def _operation(self, kind: str, args: tuple[Tree, ...]) -> acb:
        if kind == "sum":
            total = self.value(args[0])
            self.note(total)
            for arg in args[1:]:
                term = self.value(arg)
                self.note(term)
                total += term
            return total
        if kind == "product":
            total = self.value(args[0])
            for arg in args[1:]:
                total *= self.value(arg)
            return total
        return _OPERATIONS[kind](self, args) if kind in _OPERATIONS else _refuse(kind)

    def negative(self, args: Sequence[Tree]) -> acb:
        """Return the opposite."""
        return -self.value(args[0])

    def quotient(self, args: Sequence[Tree]) -> acb:
        """Return the first by the second."""
        top, bottom = self.value(args[0]), self.value(args[1])
        if bottom.is_zero():
            raise UndefinedError("division by zero")
        return top / bottom

    def power(self, args: Sequence[Tree]) -> acb:
        """Return the principal value, or the real one of an odd root."""
        exponent = _safe_rational(args[1])
        base = self.value(args[0])
        if exponent is not None:
            return balls.rational_power(base, exponent)
        raised = self.value(args[1])
        if base.is_zero():
            raise UndecidedError("a power of zero")
        balls.check_growth(base, raised)
        return base**raised

    def root(self, args: Sequence[Tree]) -> acb:
        """Return the root of the first, of the degree of the second."""
        degree = _safe_rational(args[1])
        radicand = self.value(args[0])
        if degree is None:
            return radicand ** (1 / self.value(args[1]))
        if degree == 0:
            raise UndefinedError("root of degree zero")
        return balls.rational_power(radicand, 1 / degree)

    def factorial(self, args: Sequence[Tree]) -> acb:
        """Return it by the gamma function."""
        value = self.value(args[0])
        balls.check_size(value, 40)
        return (value + 1).gamma()

    def percent(self, args: Sequence[Tree]) -> acb:
        """Return a hundredth."""
        return self.value(args[0]) / 100

    def degrees(self, args: Sequence[Tree]) -> acb:
        """Return radians."""
        return self.value(args[0]) * acb.pi() / 180

    def _call(self, name: str, args: tuple[Tree, ...]) -> acb:
        if name in {"sum", "prod"}:
            return self._indexed(name, args)
        values = [self.value(arg) for arg in args]
        for value in values:
            balls.check_size(value, balls.MAX_ARGUMENT_BITS)
        rule = balls.FUNCTIONS.get((name, len(values)))
        if rule is not None:
            return rule(*values)
        if name in balls.FOLDS and values:
            return balls.fold(balls.FOLDS[name], values)
        if name in balls.NAMES or name in {"det", "over", "int", "lim"}:
            return _refuse(name)
        return self._unknown(name, values)

    def _unknown(self, name: str, values: Sequence[acb]) -> acb:
        """Stand in a secret polynomial for a function that is only a name."""
        point = acb(0)
        for place, value in enumerate(values):
            point += value * balls.ball(digits(f"argument {name}", place) + 1)
        total = acb(0)
        for place in range(6):
            total = total * point + balls.ball(digits(f"function {name}", place) * 2 - 1)
        return total

    def _indexed(self, kind: str, args: tuple[Tree, ...]) -> acb:
        variable, low, high, body = _bounds(args)
        first, last = self._end(low), self._end(high)
        if last - first >= MAX_TERMS:
            raise UndecidedError("too many terms")
        body = _sequenced(body, variable)
        before = self._values.get(variable)
        total = acb(0 if kind == "sum" else 1)
        for index in range(first, last + 1):
            self._values[variable] = acb(index)
            term = self.value(body)
            total = total + term if kind == "sum" else total * term
        self._values.pop(variable, None)
        if before is not None:
            self._values[variable] = before
        return total

    def _end(self, tree: Tree) -> int:
        value = self.value(tree)
        balls.check_size(value, 40)
        whole = value.unique_fmpz()
        if whole is None:
            raise UndecidedError("an indexed sum to a free end")
        return int(whole)


def _whole(tree: Tree) -> acb:
    value = rational(tree) if isinstance(tree, Based | Ordinal) else None
    if value is None:
        raise UndecidedError(f"cannot evaluate a {type(tree).__name__.lower()}")
    return balls.ball(value)


def _refuse(kind: str) -> acb:
    raise UndecidedError(f"cannot evaluate {kind}")


def _sequenced(tree: Tree, index: str) -> Tree:
    """Read `a_i` under a sum over i as a sequence: a name alone would be the same in all terms."""
    named = [n for n in walk(tree) if isinstance(n, Symbol) and n.name.partition("_")[2] == index]
    if not named:
        return tree

    def put(part: Tree) -> Tree:
        if part in named:
            return Call(part.name.partition("_")[0] + "_", (Symbol(index),))
        return rebuild(part, put)

    return put(tree)


def _bounds(args: tuple[Tree, ...]) -> tuple[str, Tree, Tree, Tree]:
    """Return variable, lower end, upper end and body of an indexed sum."""
    match args:
        case (Relation(signs=("=",), sides=(Symbol(name=name), low)), high, body):
            return name, low, high, body
        case (Relation(signs=("=",), sides=(Constant(name="i"), low)), high, body):
            return "i", low, high, body
        case _:
            raise UndecidedError("an indexed sum without both ends")


def _safe_rational(tree: Tree) -> Fraction | None:
    value = rational(tree)
    return value if value is not None and bits(value) < MAX_EXACT_BITS else None


_STRAYING = frozenset({"power", "root"})
_OPERATIONS: Mapping[str, Callable[[Evaluator, Sequence[Tree]], acb]] = {
    "negative": Evaluator.negative,
    "quotient": Evaluator.quotient,
    "power": Evaluator.power,
    "root": Evaluator.root,
    "factorial": Evaluator.factorial,
    "percent": Evaluator.percent,
    "degrees": Evaluator.degrees,
}
