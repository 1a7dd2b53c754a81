"""A real engine with our image, for those tests here that ask for it; without one they skip.

With `REWARDD_REQUIRE_ENGINE=1` they fail instead. An engine that answers is used; one of our own
is started only where `REWARDD_COMPOSE=1` or that switch asks for tests that take minutes.
"""

from collections.abc import AsyncIterator, Generator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from docker_engine import CommandFailedError, Docker, EngineUnavailableError, engine
from rewardd_sandbox.containers.engine import docker_sandbox
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.containers.sandbox import DockerSandbox
from stand_in_images import StandIns

_ROOT = Path(__file__).parents[3]
_IMAGE = "rewardd/sandbox:test"
_BUILD_SECONDS = 900


class _Switches(BaseSettings):
    """What is asked of these tests."""

    model_config = SettingsConfigDict(env_prefix="REWARDD_")

    compose: bool = False
    require_engine: bool = False
    # Not the one of the compose tests, which may run at the same time: an engine locks its data.
    sandbox_engine_cache: Path = Path("/var/tmp/rewardd-engine-sandbox")  # noqa: S108  made by root, for root's engine


@pytest.fixture(scope="session")
def docker() -> Generator[Docker]:
    """Give an engine with the image of the docker backend in it."""
    switches = _Switches()
    with ExitStack() as stack:
        try:
            found = _engine(switches, stack)
            _build(found)
        except (EngineUnavailableError, CommandFailedError) as error:
            _give_up(switches, str(error))
        yield found


@pytest.fixture(scope="session")
def options(docker: Docker) -> DockerOptions:
    return DockerOptions(image=_IMAGE, engine=docker.host, slots=1)


@pytest.fixture(scope="session", params=["default", "profile"])
async def contained(
    options: DockerOptions, request: pytest.FixtureRequest
) -> AsyncIterator[DockerSandbox]:
    """A sandbox of one container: under the engine's own profile, and under ours."""
    profile = (_ROOT / "deploy" / "seccomp.json").read_text(encoding="utf-8")
    chosen = {"default": None, "profile": profile}[request.param]
    async with docker_sandbox(replace(options, seccomp=chosen)) as sandbox:
        yield sandbox


def _engine(switches: _Switches, stack: ExitStack) -> Docker:
    answering = Docker()
    if answering.works("info", "--format", "{{.ServerVersion}}"):
        return answering
    if not (switches.compose or switches.require_engine):
        raise EngineUnavailableError("no engine answers; REWARDD_COMPOSE=1 starts one")
    return stack.enter_context(engine(switches.sandbox_engine_cache))


def _build(docker: Docker) -> None:
    StandIns(docker, _ROOT / "Dockerfile").provide_base()
    target = ["build", "--target", "sandbox", "--network", "host", "--tag", _IMAGE, str(_ROOT)]
    docker.run(*target, seconds=_BUILD_SECONDS)


def _give_up(switches: _Switches, reason: str) -> NoReturn:
    if switches.require_engine:
        pytest.fail(f"DOCKER BACKEND NOT TESTED: {reason}")
    pytest.skip(f"DOCKER BACKEND NOT TESTED: {reason}")
