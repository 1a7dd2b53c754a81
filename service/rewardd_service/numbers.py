"""Numbers that are read when somebody looks, rather than counted as things happen."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from rewardd_service.dispatcher import Dispatcher
from rewardd_service.pool import Cause, Phase, WorkerPool
from rewardd_verifiers import Need


class Node(Protocol):
    """What a worker tells of itself."""

    @property
    def chunks(self) -> Mapping[tuple[str, str], int]:
        """Return how many chunks it has had, by lane and outcome."""
        ...

    def trouble(self) -> str | None:
        """Return why no chunk is taken now; None if they are."""
        ...


class HasPools(Protocol):
    """A backend with worker processes on this machine."""

    @property
    def pools(self) -> Mapping[Need, WorkerPool]:
        """Return the pools by need."""
        ...


class LaneNumbers:
    """Queues of a gateway, for a Prometheus registry."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def collect(self) -> Iterator[Metric]:
        """Yield each number as it stands now."""
        waiting = GaugeMetricFamily(
            "rewardd_jobs_waiting", "Jobs that wait for a slot.", labels=["lane"]
        )
        running = GaugeMetricFamily(
            "rewardd_jobs_running", "Jobs that are with a worker.", labels=["lane"]
        )
        for lane, number in self._dispatcher.lanes.waiting_jobs().items():
            waiting.add_metric([lane], number)
        for lane, number in self._dispatcher.lanes.running_jobs().items():
            running.add_metric([lane], number)
        yield waiting
        yield running


class PoolNumbers:
    """Worker processes of a gateway or a worker, for a Prometheus registry."""

    def __init__(self, backend: HasPools) -> None:
        self._backend = backend

    def collect(self) -> Iterator[Metric]:
        """Yield each number as it stands now."""
        workers = GaugeMetricFamily(
            "rewardd_workers", "Worker processes by state.", labels=["lane", "state"]
        )
        exits = CounterMetricFamily(
            "rewardd_worker_exits", "Ends of worker processes by cause.", labels=["cause"]
        )
        causes = dict.fromkeys(Cause, 0)
        quarantined = 0
        for need, pool in self._backend.pools.items():
            phases = pool.phases()
            for phase in Phase:
                workers.add_metric([need, phase], phases.get(phase, 0))
            for cause, number in pool.counters.exits.items():
                causes[cause] += number
            quarantined += len(pool.quarantine)
        for cause, number in causes.items():
            exits.add_metric([cause], number)
        yield workers
        yield exits
        yield GaugeMetricFamily(
            "rewardd_quarantined_jobs",
            "Jobs answered without a worker, as they ended two.",
            value=quarantined,
        )


class NodeNumbers:
    """What a worker has done for gateways, for a Prometheus registry."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """Yield each number as it stands now."""
        serving = float(self._node.trouble() is None)
        yield GaugeMetricFamily("rewardd_serving", "Whether a worker takes work.", value=serving)
        chunks = CounterMetricFamily(
            "rewardd_chunks", "Chunks that a worker has had.", labels=["lane", "outcome"]
        )
        for (lane, outcome), number in self._node.chunks.items():
            chunks.add_metric([lane, outcome], number)
        yield chunks
