import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway_fakes import RawCall, ScriptedScorer, batch, bench
from rewardd_service.app import create_gateway
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.metrics import GroupOutcome, Metrics
from rewardd_service.settings import Settings


def numbers(text: str) -> dict[str, float]:
    """Return every sample by its name and labels, as `name label=value`."""
    return {
        " ".join(
            [sample.name, *(f"{name}={value}" for name, value in sample.labels.items())]
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def filled() -> Metrics:
    """Return metrics of which each has been used once."""
    metrics = Metrics(version="1.2.3")
    metrics.request_done("/v1/score", "200", 0.1)
    metrics.refused("overloaded")
    metrics.samples_settled({"scored": 3, "unscored": 1})
    metrics.held(1000)
    metrics.verdicts_settled({("math@1", "scored", "match"): 3})
    metrics.scored("math@1", [0.0, 1.0], [0.001, 0.002])
    metrics.rewarded([-1.0, 0.5])
    metrics.groups_settled({GroupOutcome.MIXED: 1, GroupOutcome.ALL_ZERO: 2})
    metrics.chunk_sent("cpu", 32, 0.01)
    metrics.cache_asked("miss", 3)
    metrics.redelivered()
    metrics.resent()
    metrics.late()
    metrics.backend("local", up=True)
    metrics.degraded(degraded=False)
    return metrics


def test_what_is_counted_is_what_is_shown() -> None:
    shown = numbers(filled().exposition().decode())
    assert shown["rewardd_requests_total code=200 route=/v1/score"] == 1
    assert shown["rewardd_samples_total status=scored"] == 3
    assert shown["rewardd_verdicts_total reason=match status=scored verifier=math@1"] == 3
    assert shown["rewardd_groups_total outcome=all_zero"] == 2
    assert shown["rewardd_reward_bucket le=+Inf"] == 2
    assert shown["rewardd_score_sum verifier=math@1"] == 1.0
    assert shown["rewardd_backend_up backend=local"] == 1
    assert shown["rewardd_build_info version=1.2.3"] == 1


def test_promtool_finds_nothing_to_mend() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("METRICS NOT LINTED: no promtool here (Debian: apt-get install prometheus)")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=filled().exposition(),
        capture_output=True,
        check=False,
    )
    assert (checked.stdout, checked.stderr, checked.returncode) == (b"", b"", 0)


def test_labels_stay_bounded_whatever_they_are_given() -> None:
    metrics = Metrics()
    for number in range(3000):
        metrics.request_done(f"/{number}", "200", 0.1)
    shown = numbers(metrics.exposition().decode())
    requests = [value for name, value in shown.items() if name.startswith("rewardd_requests_total")]
    assert len(requests) <= 1001
    assert sum(requests) == 3000


def test_two_servers_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.refused("overloaded")
    assert "rewardd_refused_total code=overloaded" not in numbers(second.exposition().decode())


async def test_requests_are_counted_by_route_and_never_by_what_a_client_writes() -> None:
    async with bench() as house:
        await house.score(batch(("1", "1"), ("?", "1")))
        house.scorer.error = BackendUnavailableError("no worker")
        await house.score(batch())
        await house.client.get("/v1/jobs/an-id")
        await house.client.get("/some/thing")
        shown = numbers((await house.client.get("/metrics")).text)
    assert shown["rewardd_requests_total code=200 route=/v1/score"] == 1
    assert shown["rewardd_requests_total code=503 route=/v1/score"] == 1
    assert shown["rewardd_requests_total code=404 route=/v1/jobs/{job}"] == 1
    assert shown["rewardd_requests_total code=404 route=unknown"] == 1
    assert shown["rewardd_samples_total status=scored"] == 1
    assert shown["rewardd_samples_total status=unscored"] == 1
    assert shown["rewardd_refused_total code=backend_unavailable"] == 1
    assert shown["rewardd_bytes_waiting"] == 0


async def metrics_status(settings: Settings, client: str, **headers: str) -> int:
    gateway = create_gateway(settings, ScriptedScorer())
    call = RawCall(gateway, "/metrics", method="GET", client=client, **headers)
    call.give(b"")
    await call.start()
    return call.status()


KEYED = Settings.model_validate({"metrics_key": "scrape-me"})


@pytest.mark.parametrize(
    ("settings", "client", "authorization", "status"),
    [
        (Settings(), "127.0.0.1", "", 200),
        (Settings(), "::1", "", 200),
        (Settings(), "10.0.0.9", "", 401),
        (Settings(), "not an address", "", 401),
        (Settings(auth="off"), "10.0.0.9", "", 200),
        (KEYED, "10.0.0.9", "", 401),
        (KEYED, "10.0.0.9", "Bearer scrape-you", 401),
        (KEYED, "10.0.0.9", "Bearer scrape-me", 200),
    ],
    ids=["loopback", "loopback 6", "elsewhere", "odd", "waived", "no key", "wrong key", "key"],
)
async def test_metrics_are_for_this_machine_or_who_has_their_key(
    settings: Settings, client: str, authorization: str, status: int
) -> None:
    assert await metrics_status(settings, client, authorization=authorization) == status


def test_the_key_of_the_metrics_is_not_shown() -> None:
    assert "scrape-me" not in repr(KEYED)
