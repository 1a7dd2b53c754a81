import pytest
from pydantic import SecretStr

from rewardd_sandbox.containers.options import DockerOptions
from rewardd_service.backends.local import LocalBackend
from rewardd_service.backends.redis import RedisBackend, WorkerNode
from rewardd_service.composition import chosen_backend, local_backend, worker_node
from rewardd_service.settings import Settings
from rewardd_verifiers import Need

REDIS = SecretStr("redis://127.0.0.1:1/0")


def _unheard(trouble: str | None) -> None:
    del trouble


def test_without_a_redis_the_workers_are_here() -> None:
    assert isinstance(chosen_backend(Settings()), LocalBackend)


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        (Settings(redis=REDIS, workers=1), [Need.CPU]),
        (Settings(redis=REDIS, workers=1, degrade="refuse"), []),
    ],
    ids=["local", "refuse"],
)
def test_beside_a_fleet_no_program_of_a_policy_runs(settings: Settings, needs: list[Need]) -> None:
    backend = chosen_backend(settings)
    assert isinstance(backend, RedisBackend)
    assert list(backend.pools) == needs


def test_workers_are_told_of_the_sandbox_that_the_settings_ask_for() -> None:
    settings = Settings(
        sandbox_python="/opt/py", sandbox_path="/opt/bin", sandbox_min_tier="userns"
    )
    told = local_backend(settings).pools[Need.SANDBOX].settings.sandbox_options
    assert told == {"python": "/opt/py", "search_path": "/opt/bin", "min_tier": "userns"}


def test_an_image_has_programs_run_in_containers() -> None:
    settings = Settings(sandbox_image="ours", sandbox_runtime="runsc")
    told = local_backend(settings).pools[Need.SANDBOX].settings
    assert told.sandbox == "rewardd_sandbox.containers.engine:open_sandbox"
    assert told.sandbox_options == {"min_tier": "user", "image": "ours", "runtime": "runsc"}
    assert DockerOptions.of(told.sandbox_options).runtime == "runsc"


def test_a_url_that_is_none_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="scheme"):
        chosen_backend(Settings(redis=SecretStr("nowhere")))


@pytest.mark.parametrize(
    ("settings", "needs", "words"),
    [
        (Settings(), [Need.CPU], "give its URL"),
        (Settings(redis=REDIS), [], "nothing"),
        (Settings(redis=REDIS), [Need.JUDGE], "judge"),
        (Settings(redis=REDIS, sandbox_workers=0), [Need.CPU, Need.SANDBOX], "sandbox"),
    ],
    ids=["no redis", "no need", "judge", "no sandbox"],
)
def test_a_worker_that_could_serve_nothing_does_not_start(
    settings: Settings, needs: list[Need], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        worker_node(settings, needs, _unheard)


def test_a_worker_has_the_pools_of_its_needs() -> None:
    assert isinstance(worker_node(Settings(redis=REDIS), [Need.SANDBOX], _unheard), WorkerNode)
