"""The order of two ends: of constants, or of values that move together."""

from itertools import islice

from rewardd_verifiers.mathexpr import balls, points, probe
from rewardd_verifiers.mathexpr.canon import key
from rewardd_verifiers.mathexpr.exact import UndefinedError
from rewardd_verifiers.mathexpr.identity import PRECISIONS, Context, free_names, same
from rewardd_verifiers.mathexpr.limits import UndecidedError
from rewardd_verifiers.mathexpr.tree import Operation, Tree

_POINTS = 4


def order(left: Tree, right: Tree, context: Context) -> int:
    """Return -1, 0 or 1 for the order of two real constants, or of two ends that move together.

    Raises:
        UndecidedError: they are no real constants, or too close to tell.
    """
    gap_names = free_names(left) & free_names(right)
    if gap_names:
        return _order_of_moving(left, right, sorted(gap_names), context)
    try:
        (first, low), (second, high) = context.end(left), context.end(right)
        if first is not None and second is not None:
            return (first > second) - (first < second)
        with balls.precision(PRECISIONS[0]):
            low = low if first is None else balls.ball(first)
            high = high if second is None else balls.ball(second)
            gap = (low - high).real
            if gap > 0 or gap < 0:
                return 1 if gap > 0 else -1
        with balls.precision(PRECISIONS[1]):
            evaluator = probe.Evaluator({}, context.steps)
            gap = (evaluator.value(left) - evaluator.value(right)).real
            if gap > 0 or gap < 0:
                return 1 if gap > 0 else -1
    except UndefinedError as error:
        raise UndecidedError(str(error)) from error
    if same(left, right, context).equal:
        return 0
    raise UndecidedError("the order of two ends")


def _order_of_moving(left: Tree, right: Tree, names: list[str], context: Context) -> int:
    """Return the order of `k - 1` and `k + 1`, whose distance no name changes."""
    gap = Operation("sum", (left, Operation("negative", (right,))))
    try:
        with balls.precision(PRECISIONS[1]):
            gaps = [
                probe.Evaluator(values, context.steps).value(gap)
                for values in islice(points.signed(names, set()), _POINTS)
            ]
    except UndefinedError as error:
        raise UndecidedError(str(error)) from error
    still = all(one.overlaps(gaps[0]) for one in gaps)
    if still and all(one.real > 0 or one.real < 0 for one in gaps):
        return 1 if gaps[0].real > 0 else -1
    if still and key(left) == key(right):
        return 0
    raise UndecidedError("the order of two ends")
