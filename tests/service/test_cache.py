import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import InstantBackend
from held_backend import HeldBackend
from rewardd_client.schema import ScoreRequest
from rewardd_service.cache import Memory, Question, VerdictCache
from rewardd_service.cache.entries import MAX_ENTRY_BYTES, Sealer
from rewardd_service.frames import canonical
from rewardd_service.job import Answer, Chunk, Setup, SetupReport
from rewardd_service.metrics import Metrics
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Outcome, Scorer
from rewardd_verifiers import Catalog, Need, Reason

RequestOf = Callable[..., ScoreRequest]
KEY, OTHER_KEY = b"k" * 24, b"o" * 24
MATCH = Answer(0, 1.0, "match", "found it", {"answer": "1/2", "steps": [1, 2.5, None]}, 3, 0.02)


class DictShelf:
    """Entries in a dictionary, for whoever wants to spoil them.

    Attributes:
        asked: keys of each question.
    """

    def __init__(self) -> None:
        self.entries: dict[bytes, bytes] = {}
        self.asked: list[Sequence[bytes]] = []

    async def fetch(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        self.asked.append(keys)
        return {key: self.entries[key] for key in keys if key in self.entries}

    def put(self, key: bytes, entry: bytes) -> None:
        self.entries[key] = entry

    async def close(self) -> None:
        self.entries.clear()


class UpgradedBackend(HeldBackend):
    """Reports version 1 of its verifiers, and answers as version 2."""

    async def inspect(self, need: Need, setups: Sequence[Setup]) -> list[SetupReport]:
        del need
        return [SetupReport(None, 1, ["reference"]) for _ in setups]

    def _one(self, chunk: Chunk, answer: Answer) -> Answer:
        del chunk
        return Answer(answer.job, answer.score, answer.reason, version=2, seconds=0.002)


def _truncated(entry: bytes) -> bytes:
    return entry[:-1]


def _altered(entry: bytes) -> bytes:
    return entry[:-3] + b"abc"


def _emptied(_: bytes) -> bytes:
    return b""


def _noise(entry: bytes) -> bytes:
    return b"\x00" * len(entry)


def _of_another_key(_: bytes) -> bytes:
    return Sealer().seal(KEY, MATCH) or b""


@pytest.fixture
def make(catalog: Catalog) -> Callable[..., Scorer]:
    def scorer(
        backend: InstantBackend,
        cache: VerdictCache | None = None,
        metrics: Metrics | None = None,
    ) -> Scorer:
        held = cache or VerdictCache(Memory(1 << 20))
        return Scorer(backend, RecipeBook(catalog), metrics, held)

    return scorer


def _cost_of_one() -> int:
    memory = Memory(1 << 20)
    memory.put(KEY, b"x" * 100)
    return memory.held_bytes


def test_the_least_recently_used_entry_goes_first() -> None:
    memory = Memory(2 * _cost_of_one())
    for key in (b"a" * 24, b"b" * 24):
        memory.put(key, b"x" * 100)
    memory.get(b"a" * 24)
    memory.put(b"c" * 24, b"x" * 100)
    assert [memory.get(letter * 24) is not None for letter in (b"a", b"b", b"c")] == [
        True,
        False,
        True,
    ]


@given(
    st.integers(0, 5000),
    st.lists(st.tuples(st.binary(min_size=1, max_size=2), st.binary(max_size=900)), max_size=60),
)
def test_memory_keeps_its_bound_and_counts_what_it_holds(
    bound: int, puts: list[tuple[bytes, bytes]]
) -> None:
    memory = Memory(bound)
    for key, entry in puts:
        memory.put(key, entry)
        assert memory.held_bytes <= bound
        assert memory.get(key) in (None, entry)
    for key, _ in puts:
        memory.drop(key)
    assert (len(memory), memory.held_bytes) == (0, 0)


def test_an_entry_gives_back_the_verdict() -> None:
    sealer = Sealer()
    entry = sealer.seal(KEY, MATCH)
    assert entry is not None
    assert sealer.open(KEY, entry, 3) == MATCH


@given(st.data())
def test_a_truncated_or_altered_entry_is_none(data: st.DataObject) -> None:
    entry = Sealer().seal(KEY, MATCH)
    assert entry is not None
    position = data.draw(st.integers(0, len(entry) - 1))
    flipped = bytearray(entry)
    flipped[position] ^= data.draw(st.integers(1, 255))
    spoilt = [bytes(flipped), entry[:position], entry + b"x", entry[position:] + entry[:position]]
    opened = [Sealer().open(KEY, one, 3) for one in spoilt if one != entry]
    assert opened == [None] * len(opened)


@pytest.mark.parametrize(
    ("key", "secret", "version"),
    [
        pytest.param(OTHER_KEY, b"s", 3, id="moved_to_another_key"),
        pytest.param(KEY, b"t", 3, id="made_without_the_secret"),
        pytest.param(KEY, b"", 3, id="checksum_instead_of_seal"),
        pytest.param(KEY, b"s", 4, id="another_version"),
    ],
)
def test_an_entry_that_is_not_meant_is_none(key: bytes, secret: bytes, version: int) -> None:
    entry = Sealer(b"s").seal(KEY, MATCH)
    assert entry is not None
    assert Sealer(secret).open(key, entry, version) is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(0, 2.0, "match", version=3), id="score_above_one"),
        pytest.param(Answer(0, -0.5, "match", version=3), id="score_below_zero"),
        pytest.param(Answer(0, math.nan, "match", version=3), id="nan"),
        pytest.param(Answer(0, None, "match", version=3), id="match_without_score"),
        pytest.param(Answer(0, 0.0, "invalid_reference", version=3), id="unscored_with_score"),
        pytest.param(Answer(0, 1.0, "perfect", version=3), id="unknown_reason"),
        pytest.param(Answer(0, None, "timeout", version=3), id="timeout"),
        pytest.param(Answer(0, 0.0, "limit_exceeded", version=3), id="limit"),
        pytest.param(Answer(0, 1.0, "match", version=0), id="without_version"),
        pytest.param(Answer(0, 1.0, "match", "x" * MAX_ENTRY_BYTES, version=3), id="large"),
    ],
)
def test_a_sealed_entry_that_makes_no_sense_is_none(answer: Answer) -> None:
    sealer = Sealer()
    entry = sealer.seal(KEY, answer)
    assert entry is None or sealer.open(KEY, entry, 3) is None


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x90", canonical([1, 2]), canonical("match")])
def test_what_is_no_answer_is_none(content: bytes) -> None:
    sealer = Sealer()
    forged = sealer._seal(KEY, content) + content  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # a writer who knows the secret
    assert sealer.open(KEY, forged, 3) is None


@pytest.mark.parametrize("reason", list(Reason), ids=str)
async def test_only_what_a_pure_verifier_concluded_is_remembered(reason: Reason) -> None:
    kept = {
        "match",
        "mismatch",
        "partial",
        "no_answer",
        "bad_format",
        "unparseable_answer",
        "invalid_reference",
    }
    cache = VerdictCache(Memory(1 << 20))
    answer = Answer(0, 0.0 if reason.scored else None, reason.value, version=1)
    cache.keep(Question(KEY, 1), answer)
    assert (cache.find(Question(KEY, 1)) is not None) is (reason.value in kept)


async def test_a_verdict_of_an_earlier_request_is_given_again(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend, metrics = HeldBackend(), Metrics()
    backend.go.set()
    scorer = make(backend, None, metrics)
    first = await scorer.score(request_of(("1", "1"), ("2", "1")))
    again = await scorer.score(request_of(("2", "1"), ("1", "1")))
    assert backend.started == ["1", "2"]
    assert [result["reward"] for result in again.results] == [0.0, 1.0]
    terms = [outcome.results[0]["terms"][0]["attempts"] for outcome in (first, again)]
    assert terms == [1, 0]
    counted = metrics.exposition()
    assert b'rewardd_cache_requests_total{result="hit"} 2.0' in counted
    assert b'rewardd_cache_requests_total{result="miss"} 2.0' in counted


async def test_sandbox_jobs_are_not_remembered(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend(slots={Need.CPU: 1, Need.SANDBOX: 1})
    backend.go.set()
    scorer = make(backend)
    await scorer.score(request_of(("1", "1"), reward="code"))
    await scorer.score(request_of(("1", "1"), reward="code"))
    assert backend.started == ["1", "1"]


async def test_cheap_verifiers_are_not_looked_up(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    class CheapBackend(HeldBackend):
        def _one(self, chunk: Chunk, answer: Answer) -> Answer:
            del chunk
            return Answer(answer.job, answer.score, answer.reason, version=1, seconds=0.0001)

    backend, metrics = CheapBackend(), Metrics()
    backend.go.set()
    scorer = make(backend, None, metrics)
    await scorer.score(request_of(*[(str(n), "7") for n in range(400)]))
    known = metrics.registry.get_sample_value("rewardd_cache_requests_total", {"result": "miss"})
    await scorer.score(request_of(*[(str(n), "7") for n in range(400)]))
    assert len(backend.started) == 800
    asked = metrics.registry.get_sample_value("rewardd_cache_requests_total", {"result": "miss"})
    assert asked == known


async def test_an_upgrade_never_serves_old_verdicts(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    cache = VerdictCache(Memory(1 << 20))
    old = HeldBackend()
    old.go.set()
    await make(old, cache).score(request_of(("1", "1")))
    upgraded = UpgradedBackend()
    upgraded.go.set()
    scorer = make(upgraded, cache)
    # The report of version 1 is stale: the first answer says so.
    await scorer.score(request_of(("2", "1")))
    outcome = await scorer.score(request_of(("1", "1")))
    assert upgraded.started == ["2", "1"]
    assert outcome.results[0]["terms"][0]["verifier"] == "exact@2"


async def test_what_another_gateway_has_left_is_taken(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    shelf = DictShelf()
    first, second = HeldBackend(), HeldBackend()
    first.go.set()
    second.go.set()
    request = request_of(*[(str(n), "1") for n in range(20)])
    told = await make(first, VerdictCache(Memory(1 << 20), shelf)).score(request)
    taken = await make(second, VerdictCache(Memory(1 << 20), shelf)).score(request)
    assert second.started == []
    assert max(len(keys) for keys in shelf.asked) > 1
    assert [r["reward"] for r in taken.results] == [r["reward"] for r in told.results]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_truncated, id="truncated"),
        pytest.param(_altered, id="altered"),
        pytest.param(_emptied, id="empty"),
        pytest.param(_noise, id="noise"),
        pytest.param(_of_another_key, id="of_another_key"),
    ],
)
async def test_a_poisoned_entry_is_a_miss(
    make: Callable[..., Scorer], request_of: RequestOf, spoil: Callable[[bytes], bytes]
) -> None:
    shelf = DictShelf()
    first, second = HeldBackend(), HeldBackend()
    first.go.set()
    second.go.set()
    await make(first, VerdictCache(Memory(1 << 20), shelf)).score(request_of(("1", "1")))
    shelf.entries = {key: spoil(entry) for key, entry in shelf.entries.items()}
    outcome = await make(second, VerdictCache(Memory(1 << 20), shelf)).score(request_of(("1", "1")))
    assert second.started == ["1"]
    assert outcome.results[0]["reward"] == 1.0


_SAMPLES = st.lists(
    st.fixed_dictionaries(
        {
            "completion": st.sampled_from(["1", "2", "?"]),
            "reference": st.sampled_from(["1", "2", None]),
            "reward": st.sampled_from(
                [
                    "exact",
                    {
                        "name": "gated",
                        "terms": [
                            {"verifier": "exact", "gate": True},
                            {"verifier": "choice"},
                            {"verifier": "code"},
                        ],
                    },
                ]
            ),
        }
    ),
    min_size=1,
    max_size=20,
)


# The catalog holds names and never changes.
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(_SAMPLES, min_size=2, max_size=4))
def test_verdicts_are_the_same_with_and_without_a_cache(
    catalog: Catalog, batches: list[list[dict[str, Any]]]
) -> None:
    async def run(cache: VerdictCache | None, *, join: bool) -> list[Any]:
        backend = InstantBackend(slots={Need.CPU: 2, Need.SANDBOX: 1})
        scorer = Scorer(backend, RecipeBook(catalog), None, cache, join=join)
        asked = [ScoreRequest.model_validate({"samples": samples}) for samples in batches]
        return [_verdicts(await scorer.score(request)) for request in asked]

    plain = asyncio.run(run(None, join=False))
    assert asyncio.run(run(VerdictCache(Memory(1 << 20)), join=True)) == plain
    assert asyncio.run(run(VerdictCache(Memory(0), DictShelf()), join=True)) == plain


def _verdicts(outcome: Outcome) -> list[Any]:
    cost = {"seconds": None, "attempts": None}
    return [
        {**result, "terms": [{**term, **cost} for term in result["terms"]]}
        for result in outcome.results
    ]
