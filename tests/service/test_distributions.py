from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from rewardd_service.distributions import Distributions

BOUNDS = (0.1, 0.5, 1.0)


@given(st.lists(st.lists(st.floats(-2, 2), max_size=8), max_size=5))
def test_batches_fill_the_same_buckets_as_single_values(batches: list[list[float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    distributions = Distributions("h", "text", BOUNDS)
    ours.register(distributions)
    distributions.add([])
    reference = Histogram("h", "text", buckets=BOUNDS, registry=theirs)
    for batch in batches:
        distributions.add(batch)
        for value in batch:
            reference.observe(value)
    for bound in ("0.1", "0.5", "1.0", "+Inf"):
        name, labels = "h_bucket", {"le": bound}
        assert ours.get_sample_value(name, labels) == theirs.get_sample_value(name, labels)
    assert ours.get_sample_value("h_count") == theirs.get_sample_value("h_count")


def test_too_many_labels_share_one() -> None:
    registry = CollectorRegistry()
    distributions = Distributions("h", "text", BOUNDS, "verifier", max_children=2)
    registry.register(distributions)
    for name in ("a", "b", "c", "d"):
        distributions.add([0.3], name)
    assert registry.get_sample_value("h_count", {"verifier": "other"}) == 2
