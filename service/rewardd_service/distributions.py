"""Histograms that take a whole batch at once.

The histogram of prometheus_client takes one value at a time, about a microsecond each: with three
of them per sample it would cost more than parsing the sample.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from math import fsum

from prometheus_client.core import HistogramMetricFamily, Metric


class Distributions:
    """A histogram by one label, or without any; a collector for a Prometheus registry.

    Args:
        name, text: of the metric.
        bounds: upper bounds of the buckets, ascending; infinity is added.
        label: name of the label; None if there is none.
        max_children: label values that are kept apart; more go to "other".
    """

    def __init__(
        self,
        name: str,
        text: str,
        bounds: Sequence[float],
        label: str | None = None,
        *,
        max_children: int = 1000,
    ) -> None:
        self._name = name
        self._text = text
        self._bounds = list(bounds)
        self._label = label
        self._max_children = max_children
        self._children: dict[str, _Child] = {}

    def add(self, values: Collection[float], label: str = "") -> None:
        """Count values under a label."""
        child = self._children.get(label)
        if child is None:
            if len(self._children) >= self._max_children:
                label = "other"
            child = self._children.setdefault(label, _Child(len(self._bounds)))
        child.add(values, self._bounds)

    def collect(self) -> Iterator[Metric]:
        """Yield the histogram as it stands now."""
        labels = [] if self._label is None else [self._label]
        family = HistogramMetricFamily(self._name, self._text, labels=labels)
        for label, child in self._children.items():
            buckets = [
                (str(float(bound)), float(count))
                for bound, count in zip(self._bounds, child.at_most, strict=True)
            ]
            buckets.append((_INFINITY, float(child.number)))
            family.add_metric([label] if labels else [], buckets, child.total)
        yield family


_INFINITY = "+Inf"


class _Child:
    def __init__(self, bounds: int) -> None:
        self.at_most = [0] * bounds
        self.number = 0
        self.total = 0.0

    def add(self, values: Collection[float], bounds: Sequence[float]) -> None:
        ordered = sorted(values)
        for index, bound in enumerate(bounds):
            self.at_most[index] += bisect_right(ordered, bound)
        self.number += len(ordered)
        self.total += fsum(ordered)
