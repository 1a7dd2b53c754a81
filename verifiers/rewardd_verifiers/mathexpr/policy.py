"""How strict a comparison is: what a reference may override for its own sample."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """The switches of a comparison; see the `math` verifier for what each means."""

    absolute_tolerance: Fraction = Fraction(0)
    relative_tolerance: Fraction = Fraction(0)
    significant_digits: int | None = None
    gold_precision: int | None = 3
    rounded_answer: int | None = 6
    percent: Literal["sign_optional", "strict", "value"] = "sign_optional"
    units: Literal["convert", "exact", "ignore", "require"] = "convert"
    order: Literal["auto", "ordered", "unordered"] = "auto"
    form: Literal["evaluated", "any", "number", "lowest_terms", "factored", "expanded"] = (
        "evaluated"
    )
    case: Literal["exact", "folded"] = "exact"
    labels: Literal["optional", "required"] = "optional"
    missing_base: Literal["accept", "reject"] = "accept"
    constants: Literal["renamable", "exact"] = "renamable"
    colon: Literal["auto", "ratio", "time"] = "auto"
    decimal_comma: bool = False
    domain: Literal["common", "everywhere"] = "common"
    integers: frozenset[str] = frozenset()
    symbolic: Literal["auto", "off", "on"] = "auto"
    tolerant: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Find out once whether any tolerance is set, which every pair of numbers asks."""
        tolerances = self.absolute_tolerance, self.relative_tolerance, self.significant_digits
        object.__setattr__(self, "tolerant", any(tolerances))


DEFAULT = Policy()
