"""The stack for real, on request: `REWARDD_COMPOSE=1` or `.ci/compose`, as it takes minutes.

Without an engine the tests skip and say so; with `REWARDD_REQUIRE_ENGINE=1` they fail instead.
"""

import signal
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from compose_stack import Stack, free_port
from docker_engine import Docker, EngineUnavailableError, engine
from stand_in_images import StandIns, package_index

ROOT = Path(__file__).parents[3]
COMPOSE_FILE = ROOT / "docker-compose.yml"


class Switches(BaseSettings):
    """What is asked of these tests."""

    model_config = SettingsConfigDict(env_prefix="REWARDD_")

    compose: bool = False
    require_engine: bool = False
    engine_cache: Path = Path("/var/tmp/rewardd-engine")  # noqa: S108 - made by root, for root's engine


@pytest.fixture(scope="session", autouse=True)
def tidy() -> Generator[None]:
    """Take containers and the engine down, too, when time is up and `timeout` says so."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def docker() -> Generator[Docker]:
    """Give an engine that answers, for as long as the tests take."""
    switches = Switches()
    if not (switches.compose or switches.require_engine):
        pytest.skip("COMPOSE NOT TESTED: not asked for; REWARDD_COMPOSE=1 or .ci/compose does")
    with ExitStack() as stack:
        try:
            found = stack.enter_context(engine(switches.engine_cache))
            found.compose_command()
        except EngineUnavailableError as error:
            _give_up(switches, str(error))
        yield found


@pytest.fixture(scope="session")
def images(docker: Docker) -> Generator[StandIns]:
    """Give what provides the images that ours stand on."""
    stand_ins = StandIns(docker, ROOT / "Dockerfile")
    try:
        stand_ins.provide_base()
    except EngineUnavailableError as error:
        _give_up(Switches(), str(error))
    yield stand_ins
    stand_ins.remove()


@pytest.fixture(scope="session")
def open_stack(docker: Docker, images: StandIns) -> Callable[..., Stack]:
    """Return a function that describes a stack of its own name and port, not yet up."""
    del images

    def describe(name: str, *more_files: Path, **variables: str) -> Stack:
        files = [COMPOSE_FILE, *more_files]
        told = {**package_index(), **variables}
        return Stack(docker, f"rewardd-test-{name}", files, free_port(), told)

    return describe


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractContextManager[Stack]]:
    """Return a context in which services of a stack run, and after which nothing is left."""
    return _running


@contextmanager
def _running(stack: Stack, *services: str, scale: dict[str, int] | None = None) -> Generator[Stack]:
    stack.down()
    try:
        stack.up(*services, scale=scale)
        yield stack
    finally:
        stack.down()


def _give_up(switches: Switches, reason: str) -> NoReturn:
    if switches.require_engine:
        pytest.fail(f"COMPOSE NOT TESTED: {reason}")
    pytest.skip(f"COMPOSE NOT TESTED: {reason}")
