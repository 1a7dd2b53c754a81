"""The stand-in for pytest says what pytest says."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers.code.jailed.approximate import approx
from rewardd_verifiers.code.jailed.pytest_like import Failed, LackingError, StandIn
from rewardd_verifiers.code.session import sources

_stand_in: Any = StandIn()
_approx: Callable[..., Any] = pytest.approx  # pyright: ignore[reportUnknownMemberType]  of any type
_NUMBERS = st.one_of(
    st.integers(-100, 100),
    st.floats(-10, 10),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e-12, 1 + 1e-7, True, False]),
    st.sampled_from([Decimal("1.0000001"), Decimal(1), 1 + 1e-7j, 1j]),
)
_LISTS = st.lists(_NUMBERS, max_size=3)
_VALUES = st.one_of(
    _NUMBERS, _LISTS, _LISTS.map(tuple), st.dictionaries(st.sampled_from("ab"), _NUMBERS)
)
_TOLERANCES = st.one_of(st.none(), st.sampled_from([0, 0.1, 1e-6, 1]))


def _said(make: Callable[..., Any], actual: object, expected: object, **how: object) -> object:
    """Return whether they are equal, both ways, or what is raised instead."""
    try:
        wanted = make(expected, **how)
        said = (actual == wanted, wanted == actual, actual != wanted)
    except (TypeError, ValueError, ArithmeticError) as error:
        return type(error)
    return said


@given(actual=_VALUES, expected=_VALUES, rel=_TOLERANCES, abs_=_TOLERANCES, nan_ok=st.booleans())
@pytest.mark.filterwarnings("ignore::pytest.PytestWarning")
def test_nearly_equal_is_what_pytest_takes_for_it(
    actual: object, expected: object, rel: object, abs_: object, *, nan_ok: bool
) -> None:
    how = {"rel": rel, "abs": abs_, "nan_ok": nan_ok}
    assert _said(approx, actual, expected, **how) == _said(_approx, actual, expected, **how)


@pytest.mark.parametrize(
    ("actual", "expected", "how"),
    [
        ([1, [2]], [1, [2]], {}),
        ({1}, {1}, {}),
        (timedelta(seconds=1), timedelta(seconds=1.5), {"abs": timedelta(seconds=1)}),
        (datetime(2024, 1, 1), datetime(2024, 1, 2), {"abs": timedelta(hours=1)}),  # noqa: DTZ001  as tests write them
        (1.0, 1.0, {"abs": -1}),
        (1.0, 1.1, {"abs": -1}),
        (1.0, 1.1, {"rel": float("nan")}),
        ("abc", "abc", {}),
        ([1], "1", {}),
        ([None, "a"], [None, "a"], {}),
        (None, 0, {}),
    ],
    ids=str,
)
def test_odd_values_are_taken_as_pytest_takes_them(
    actual: object, expected: object, how: dict[str, object]
) -> None:
    assert _said(approx, actual, expected, **how) == _said(_approx, actual, expected, **how)


def test_what_raises_is_held() -> None:
    with _stand_in.raises((KeyError, ValueError), match="b.d") as caught:
        raise ValueError("very bad")
    assert (caught.type, str(caught.value), caught.typename) == (
        ValueError,
        "very bad",
        "ValueError",
    )
    assert caught.match("very")


def _nothing() -> None:
    """Raise nothing."""


def test_what_does_not_raise_fails() -> None:
    with pytest.raises(Failed, match="DID NOT RAISE"):
        _stand_in.raises(ValueError, _nothing)


def test_another_text_fails() -> None:
    with pytest.raises(AssertionError, match="is not in"):
        _stand_in.raises(ValueError, int, "x", match="nothing of the kind")


def test_another_error_goes_on() -> None:
    with pytest.raises(TypeError):
        _stand_in.raises(ValueError, len, 3)


@pytest.mark.parametrize("name", ["MonkeyPatch", "hookimpl", "RaisesGroup", "exit"])
def test_what_is_not_offered_says_so(name: str) -> None:
    with pytest.raises(LackingError, match=name):
        getattr(_stand_in, name)


def test_what_runs_in_jails_is_sent_compiled_too() -> None:
    sent = sources()
    compiled = {name.split(".")[0].replace("__pycache__/", "") for name in sent if "pyc" in name}
    assert {f"{name}.py" for name in compiled} == {name for name in sent if "/jailed/" in name} - {
        name for name in sent if "__pycache__" in name
    }
