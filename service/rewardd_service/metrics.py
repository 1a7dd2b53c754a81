"""The numbers of a server, in a registry of its own: plain methods, children looked up once.

Whoever counts does so once a chunk or request, never once a sample. Labels are bounded: what a
request can invent (paths, recipes, runs) never becomes one.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics import MetricWrapperBase

from rewardd_service.distributions import Distributions

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = TypeVar("Kind", bound=MetricWrapperBase)

_MAX_CHILDREN = 1000
_OVERFLOW = "other"

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
_QUEUE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_CPU_SECONDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5)
_CHUNK_JOBS = (1, 2, 4, 8, 16, 32, 64)
_SCORES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1.0)
_REWARDS = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)


class GroupOutcome(StrEnum):
    """What a group of rewards is worth to GRPO: only a mixed one carries a signal."""

    ALL_ZERO = "all_zero"
    ALL_ONE = "all_one"
    MIXED = "mixed"
    UNSCORED = "unscored"


class _Family(Generic[Kind]):
    """A metric with its children by label values, at most `_MAX_CHILDREN`."""

    def __init__(self, metric: Kind) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Kind] = {}

    def of(self, *values: str) -> Kind:
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= _MAX_CHILDREN:
                values = (_OVERFLOW,) * len(values)
            child = self._metric.labels(*values) if values else self._metric
            self._children[values] = child
        return child


class Metrics:
    """What `/metrics` shows; each server has its own."""

    def __init__(self, *, version: str = "") -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests by route and status.", "route", "code")
        self._request_seconds = self._histogram(
            "request_duration_seconds",
            "Time from headers to the end of the answer.",
            _REQUEST_SECONDS,
            "route",
        )
        self._refused = self._counter(
            "refused", "Requests answered with a problem, by its code.", "code"
        )
        self._samples = self._counter("samples", "Samples answered.", "status")
        self._bytes_waiting = self._gauge(
            "bytes_waiting", "Unpacked bytes of the requests in flight."
        )
        self._verdicts = self._counter(
            "verdicts", "Verdicts by verifier.", "verifier", "status", "reason"
        )
        self._queue_seconds = self._histogram(
            "queue_seconds", "Time a chunk's oldest job waited.", _QUEUE_SECONDS, "lane"
        )
        self._cpu_seconds = self._distributions(
            "verifier_cpu_seconds", "CPU time of verifications.", _CPU_SECONDS, "verifier"
        )
        self._chunk_jobs = self._histogram("chunk_jobs", "Jobs in a chunk.", _CHUNK_JOBS)
        self._scores = self._distributions("score", "Scores by verifier.", _SCORES, "verifier")
        self._rewards = self._distributions("reward", "Rewards of scored samples.", _REWARDS)
        self._groups = self._counter(
            "groups", "Groups by whether they carry a signal for GRPO.", "outcome"
        )
        self._cache = self._counter("cache_requests", "Verdicts asked of the cache.", "result")
        self._redeliveries = self._counter(
            "redeliveries", "Chunks delivered again after their worker was lost."
        )
        self._resent = self._counter("resent_chunks", "Chunks sent again as their entry was gone.")
        self._late = self._counter("late_answers", "Answers dropped, as another came first.")
        self._backend_up = self._gauge("backend_up", "Whether a backend can be reached.", "backend")
        self._degraded = self._gauge("degraded", "Whether work runs elsewhere than configured.")
        self._gauge("build_info", "The version that runs.", "version").of(version).set(1)
        self._degraded.of().set(0)

    def exposition(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        return generate_latest(self.registry)

    def request_done(self, route: str, code: str, seconds: float) -> None:
        """Count an answered request; route as the app defines it, not as a client writes it."""
        self._requests.of(route, code).inc()
        self._request_seconds.of(route).observe(seconds)

    def refused(self, code: str) -> None:
        """Count a problem."""
        self._refused.of(code).inc()

    def samples_settled(self, counts: Mapping[str, int]) -> None:
        """Count answered samples by status."""
        for status, number in counts.items():
            self._samples.of(status).inc(number)

    def held(self, size_bytes: int) -> None:
        """Show how many bytes of bodies are in flight."""
        self._bytes_waiting.of().set(size_bytes)

    def verdicts_settled(self, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Count verdicts by verifier, status and reason."""
        for (verifier, status, reason), number in counts.items():
            self._verdicts.of(verifier, status, reason).inc(number)

    def scored(
        self, verifier: str, scores: Collection[float], cpu_seconds: Collection[float]
    ) -> None:
        """Record scores by one verifier, and what they cost."""
        self._scores.add(scores, verifier)
        self._cpu_seconds.add(cpu_seconds, verifier)

    def rewarded(self, rewards: Collection[float]) -> None:
        """Record the rewards of a request."""
        self._rewards.add(rewards)

    def groups_settled(self, counts: Mapping[GroupOutcome, int]) -> None:
        """Count groups by outcome."""
        for outcome, number in counts.items():
            self._groups.of(outcome.value).inc(number)

    def chunk_sent(self, lane: str, jobs: int, queue_seconds: float) -> None:
        """Record a chunk on its way to a worker."""
        self._chunk_jobs.of().observe(jobs)
        self._queue_seconds.of(lane).observe(queue_seconds)

    def cache_asked(self, result: str, number: int = 1) -> None:
        """Count questions to the cache: hit, miss or joined."""
        self._cache.of(result).inc(number)

    def redelivered(self, number: int = 1) -> None:
        """Count chunks that another worker took over."""
        self._redeliveries.of().inc(number)

    def resent(self, number: int = 1) -> None:
        """Count chunks that were sent again."""
        self._resent.of().inc(number)

    def late(self, number: int = 1) -> None:
        """Count answers that came second."""
        self._late.of().inc(number)

    def backend(self, backend: str, *, up: bool) -> None:
        """Show whether a backend can be reached."""
        self._backend_up.of(backend).set(up)

    def degraded(self, *, degraded: bool) -> None:
        """Show whether work runs elsewhere than configured."""
        self._degraded.of().set(degraded)

    def _counter(self, name: str, text: str, *labels: str) -> "_Family[Counter]":
        return _Family(Counter(f"rewardd_{name}", text, labels, registry=self.registry))

    def _gauge(self, name: str, text: str, *labels: str) -> "_Family[Gauge]":
        return _Family(Gauge(f"rewardd_{name}", text, labels, registry=self.registry))

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> "_Family[Histogram]":
        return _Family(
            Histogram(f"rewardd_{name}", text, labels, buckets=buckets, registry=self.registry)
        )

    def _distributions(
        self, name: str, text: str, buckets: tuple[float, ...], label: str | None = None
    ) -> Distributions:
        distributions = Distributions(f"rewardd_{name}", text, buckets, label)
        self.registry.register(distributions)
        return distributions
