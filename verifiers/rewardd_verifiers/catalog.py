"""Find verifiers by name, build them, and type what they are given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from rewardd_verifiers.errors import (
    BrokenVerifierError,
    DuplicateVerifierError,
    InvalidParamsError,
    InvalidReferenceError,
    UnknownVerifierError,
)
from rewardd_verifiers.verifier import (
    Example,
    JudgeVerifier,
    Need,
    PureVerifier,
    SandboxVerifier,
    Verifier,
)

_BASES: Mapping[Need, type[Any]] = {
    Need.CPU: PureVerifier,
    Need.SANDBOX: SandboxVerifier,
    Need.JUDGE: JudgeVerifier,
}
_SHOWN_VALUE = 80
"""Characters of an offending value that a message repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What one verifier is and takes.

    Attributes:
        summary: first line of its docstring.
        params, reference: JSON schemas (draft 2020-12).
    """

    name: str
    need: Need
    version: int
    summary: str
    params: dict[str, object]
    reference: dict[str, object]


class Catalog:
    """The verifiers that are installed.

    Names and needs are read from package metadata; a verifier's module is imported when it is
    first built, so a gateway, which only asks for names, never imports sympy.

    Raises:
        DuplicateVerifierError: two packages claim one name.
    """

    def __init__(self, entries: Iterable[tuple[Need, EntryPoint]] | None = None) -> None:
        self._entries: dict[str, tuple[Need, EntryPoint]] = {}
        for need, entry in _installed() if entries is None else entries:
            claimed = self._entries.setdefault(entry.name, (need, entry))
            if claimed != (need, entry):
                raise DuplicateVerifierError(
                    f"verifier {entry.name!r} is claimed by {claimed[1].value} and {entry.value}"
                )

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._entries)

    def need(self, name: str) -> Need:
        """Return what the verifier called `name` needs.

        Raises:
            UnknownVerifierError: no such name.
        """
        return self._entry(name)[0]

    def build(self, name: str, params: Mapping[str, object]) -> Verifier:
        """Build the verifier called `name`; `params` are its dataclass fields.

        Raises:
            UnknownVerifierError: no such name.
            BrokenVerifierError: its package is broken.
            InvalidParamsError: the parameters do not fit.
        """
        kind = self._load(name)
        try:
            verifier: Verifier = _adapter(kind).validate_python(params)
        except ValidationError as error:
            raise InvalidParamsError(_explain(error)) from error
        return verifier

    def describe(self, name: str) -> Description:
        """Say what the verifier called `name` is and takes.

        Raises:
            UnknownVerifierError: no such name.
            BrokenVerifierError: its package is broken.
        """
        kind = self._load(name)
        return Description(
            name=name,
            need=self.need(name),
            version=kind.version,
            summary=(kind.__doc__ or "").strip().partition("\n")[0],
            params=_adapter(kind).json_schema(),
            reference=_adapter(_reference_type(kind)).json_schema(),
        )

    def examples(self, name: str) -> tuple[Example, ...]:
        """Return the samples of which the verifier called `name` says what comes of them.

        Raises:
            UnknownVerifierError: no such name.
            BrokenVerifierError: its package is broken.
        """
        examples: tuple[Example, ...] = self._load(name).examples
        return examples

    def _entry(self, name: str) -> tuple[Need, EntryPoint]:
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self.names())
            raise UnknownVerifierError(f"no verifier {name!r}; installed are: {known}") from None

    def _load(self, name: str) -> type[Any]:
        need, entry = self._entry(name)
        try:
            kind = entry.load()
        except (ImportError, AttributeError) as error:
            raise BrokenVerifierError(f"verifier {name!r} ({entry.value}): {error}") from error
        if not (isinstance(kind, type) and issubclass(kind, _BASES[need])):
            raise BrokenVerifierError(
                f"verifier {name!r} ({entry.value}) is not a {_BASES[need].__name__}"
            )
        return kind


def type_reference(verifier: Verifier, raw: object) -> object:
    """Return `raw` as the type that the verifier's `verify` declares.

    Raises:
        InvalidReferenceError: it does not fit.
    """
    try:
        return _adapter(_reference_type(type(verifier))).validate_python(raw)
    except ValidationError as error:
        raise InvalidReferenceError(_explain(error)) from error


def _installed() -> list[tuple[Need, EntryPoint]]:
    return [
        (need, entry) for need in Need for entry in entry_points(group=f"rewardd.verifiers.{need}")
    ]


def _explain(error: ValidationError) -> str:
    """Name each field that does not fit, with the value that stood there."""
    parts: list[str] = []
    for problem in error.errors(include_url=False, include_context=False):
        where = ".".join(str(step) for step in problem["loc"]) or "value"
        value = repr(problem["input"])
        shown = value if len(value) <= _SHOWN_VALUE else f"{value[:_SHOWN_VALUE]}..."
        parts.append(f"{where}: {problem['msg']} (got {shown})")
    return "; ".join(parts)


@cache
def _reference_type(kind: type[Any]) -> Any:  # noqa: ANN401  a type form has no static type
    (reference_type,) = get_args(get_type_hints(kind.verify, include_extras=True)["sample"])
    return reference_type


@cache
def _adapter(of: Any) -> TypeAdapter[Any]:  # noqa: ANN401  a type form has no static type
    return TypeAdapter(of)
