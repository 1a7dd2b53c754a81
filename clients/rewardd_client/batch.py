"""The answer to one call: results in the order of the samples, and what trainers make of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from rewardd_client.answers import check_result
from rewardd_client.encoding import optional_module
from rewardd_client.errors import ProtocolError, Unscored
from rewardd_client.metrics import metrics_of
from rewardd_client.schema import GroupResult, Result

Tensor: TypeAlias = Any
"""A `torch.Tensor`: torch is no dependency, so its types cannot be named here."""


@dataclass(frozen=True)
class Batch:
    """One result per sample, in order.

    Attributes:
        group_names: the group of each sample, None for those without.
        groups: what the server said of whole groups, where it was asked.
        wait_seconds: wall time the caller waited.
        terms: names of the recipe's terms as far as they are known beforehand.

    Raises:
        ProtocolError: the lengths differ, or a reward is not finite or contradicts its status.
    """

    results: list[Result]
    group_names: list[str | None]
    groups: list[GroupResult] = field(default_factory=list[GroupResult])
    wait_seconds: float = 0.0
    terms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what a trainer relies on without looking."""
        if len(self.results) != len(self.group_names):
            raise ProtocolError(f"{len(self.results)} results for {len(self.group_names)} samples")
        for result in self.results:
            check_result(result)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    @property
    def rewards(self) -> list[float | None]:
        """A number per sample; None where there is no verdict, which is never 0."""
        return [result.reward for result in self.results]

    @property
    def scored(self) -> list[bool]:
        """Whether each sample has a reward."""
        return [result.reward is not None for result in self.results]

    def metrics(self, terms: Iterable[str] = ()) -> dict[str, float]:
        """Return flat floats to log; NaN where there is nothing to take a mean of.

        The keys are the same in every step for the same terms; those of `terms` stand there
        even if a gate kept all samples from them.
        """
        names = dict.fromkeys((*self.terms, *terms))
        return metrics_of(self.results, self.group_names, names, self.wait_seconds)

    def tensor(self) -> Tensor:
        """Return the rewards as float32 of shape (n,), NaN where there is none.

        NaN on purpose: who forgets the mask sees it in the loss at once.

        Raises:
            MissingPackageError: torch is not installed.
        """
        return _tensors()(self)[0]

    def mask(self) -> Tensor:
        """Return a bool tensor of shape (n,): True where there is a reward.

        Raises:
            MissingPackageError: torch is not installed.
        """
        return _tensors()(self)[1]

    def require(self) -> list[float]:
        """Return the rewards of a batch that has them all.

        Raises:
            Unscored: at least one sample has none.
        """
        reasons = {n: each.reason for n, each in enumerate(self.results) if each.reward is None}
        if reasons:
            listed = ", ".join(sorted(set(reasons.values())))
            raise Unscored(f"{len(reasons)} of {len(self)} samples unscored: {listed}", reasons)
        return [result.reward for result in self.results if result.reward is not None]


def _tensors() -> Any:  # noqa: ANN401  # a function of the one module that knows torch
    # Found when it is called for: importing the client must not import torch.
    optional_module("torch", "tensor() and mask()", "torch")
    return cast("Any", optional_module("rewardd_client.tensors", "tensor()", "torch")).tensors
