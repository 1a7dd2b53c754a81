import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_fakes import Bench, batch, bench
from rewardd_service.edge.admission import Share
from rewardd_service.edge.auth import KeyFileError, Keyring, StoredKey, new_key, presented_key
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.settings import Settings

ALPHA = new_key("alpha", weight=3.0)
BETA = new_key("beta", max_samples=2)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"# made by rewardd keys new\n\n{ALPHA.line}\n{BETA.line}\n")
    return path


@pytest.fixture
async def house(keys: Path) -> AsyncIterator[Bench]:
    async with bench(Settings(keys=keys)) as opened:
        yield opened


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"any:{password}".encode()).decode()


def test_a_new_key_is_kept_as_its_hash_only() -> None:
    assert ALPHA.key.startswith("rwd_")
    assert ALPHA.key.split("_", 2)[2] not in ALPHA.line
    assert new_key("alpha").key != new_key("alpha").key


@pytest.mark.parametrize(
    "authorization", [f"Bearer {ALPHA.key}", basic(ALPHA.key)], ids=["bearer", "basic"]
)
async def test_a_known_key_opens_for_its_tenant(house: Bench, authorization: str) -> None:
    answer = await house.score(batch(), authorization=authorization)
    assert answer.status_code == 200
    assert house.scorer.calls[0][0] == "alpha"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {ALPHA.key[:-1]}",
        f"Bearer {ALPHA.key}x",
        f"Bearer {ALPHA.key.replace(ALPHA.key.split('_')[1], BETA.key.split('_')[1])}",
        "Bearer rwd_00000000_nothing",
        "Bearer rwd_",
        "Bearer _",
        f"Token {ALPHA.key}",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        basic(""),
        basic(BETA.line),
    ],
    ids=range(14),  # keys are random, and parallel test runs want names that are not
)
@pytest.mark.parametrize("path", ["/v1/score", "/v1/jobs"])
async def test_anything_else_is_a_401_that_says_what_is_asked_for(
    house: Bench, authorization: str, path: str
) -> None:
    answer = await house.client.post(path, json=batch(), headers={"authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert house.scorer.calls == []


@pytest.mark.parametrize(
    "path", ["/v1/verifiers", "/v1/verifiers/exact", "/v1/recipes", "/v1/jobs/x"]
)
async def test_what_can_be_asked_needs_a_key_too(house: Bench, path: str) -> None:
    assert (await house.client.get(path)).status_code == 401
    answer = await house.client.get(path, headers={"authorization": f"Bearer {BETA.key}"})
    assert answer.status_code in {200, 404}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/"])
async def test_probes_need_no_key(house: Bench, path: str) -> None:
    assert (await house.client.get(path)).status_code == 200


async def test_without_keys_everybody_is_let_in() -> None:
    async with bench() as house:
        assert (await house.score(batch(), authorization="Bearer whatever")).status_code == 200


def test_the_refusal_repeats_no_part_of_the_key(keys: Path) -> None:
    ring = Keyring.read(keys)
    with pytest.raises(EdgeRefusalError) as caught:
        ring.tenant(f"Bearer {ALPHA.key}x")
    assert ALPHA.key.split("_")[1] not in caught.value.detail


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("not json", "keys:1"),
        ('{"id": "a"}', "sha256"),
        (ALPHA.key, "keys:1"),
        (f"{ALPHA.line}\n{ALPHA.line}", "repeats"),
        (json.dumps({**json.loads(ALPHA.line), "weight": 0}), "weight"),
        ("# only a comment", "no key"),
    ],
    ids=["not_json", "no_hash", "a_key", "twice", "weightless", "comment"],
)
def test_a_file_that_is_not_of_keys_is_named_and_not_repeated(
    tmp_path: Path, line: str, named: str
) -> None:
    path = tmp_path / "keys"
    path.write_text(line)
    with pytest.raises(KeyFileError, match=named) as caught:
        Keyring.read(path)
    assert ALPHA.key not in str(caught.value)


def test_shares_go_by_weight_and_keep_the_strictest_bound(keys: Path) -> None:
    shares = Keyring.read(keys).shares()
    assert shares["alpha"].part == pytest.approx(0.75)
    assert shares["beta"].max_samples == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "127.0.0.1"},
        {"host": "::1"},
        {"host": "localhost"},
        {"host": "0.0.0.0", "auth": "off"},  # noqa: S104 - waived
    ],
    ids=str,
)
def test_loopback_is_served_without_keys_and_what_was_waived(settings: dict[str, str]) -> None:
    Settings.model_validate(settings).refuse_open_door()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "reward.internal", ""])  # noqa: S104 - refused
def test_any_other_address_is_refused_without_keys(host: str) -> None:
    with pytest.raises(ValueError, match="without keys"):
        Settings(host=host).refuse_open_door()


def test_any_address_is_served_with_keys(keys: Path) -> None:
    Settings(host="10.0.0.1", keys=keys).refuse_open_door()


def test_a_key_is_found_in_what_trainers_send() -> None:
    assert presented_key(f"bearer  {ALPHA.key} ") == ALPHA.key
    assert presented_key(basic("a:b")) == "a:b"
    assert presented_key(None) is None


def test_several_keys_of_a_tenant_are_one_share() -> None:
    made = [new_key("alpha", max_samples=9), new_key("alpha", max_samples=5), BETA]
    shares = Keyring(StoredKey.model_validate_json(key.line) for key in made).shares()
    assert shares["alpha"] == Share(part=0.5, max_samples=5)
