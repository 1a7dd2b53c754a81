"""Samples to posts and answers to results, without a network: what each sample's fate is.

A post is frozen: sent twice it is the same bytes under the same key, so the server joins or
replays. `Intake` keeps what is known of its samples across such repeats, so each is settled
once, whatever the answers' split, order, cuts and repeats.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rewardd_client.answers import check_result
from rewardd_client.encoding import Envelope, Piece, parts_of
from rewardd_client.errors import ProtocolError
from rewardd_client.reasons import TRANSIENT
from rewardd_client.schema import GroupResult, Result
from rewardd_client.settings import Settings

POST_BYTES = 16 * 2**20
"""Above this the server's loop stands still while it parses; a single group may be larger."""

# The server refuses more in one request.
POST_SAMPLES = 32_768

Settled = tuple[int, Result]
"""A sample's place in the call, and its result."""


@dataclass(frozen=True, slots=True)
class Post:
    """One request body, and which samples it carries.

    Attributes:
        key: the `Idempotency-Key`; another body has another.
        places: of its samples in the call, in the order in which they are sent.
    """

    key: str
    envelope: Envelope
    places: tuple[int, ...]
    pieces: tuple[Piece, ...]
    parts: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def make(
        cls,
        key: str,
        envelope: Envelope,
        samples: Sequence[tuple[int, Piece]],
        deadline_seconds: float,
    ) -> "Post":
        """Encode and freeze; `samples` are places with their pieces."""
        places = tuple(place for place, _ in samples)
        pieces = tuple(piece for _, piece in samples)
        return cls(key, envelope, places, pieces, parts_of(envelope, pieces, deadline_seconds))

    @property
    def body(self) -> bytes:
        """What travels, in one piece."""
        return b"".join(self.parts)


def headers_of(settings: Settings, post: Post) -> dict[str, str]:
    """Return all headers of a post that are ours to say."""
    headers = {
        "accept": "application/x-ndjson",
        "content-length": str(sum(map(len, post.parts))),
        "content-type": f"application/{post.envelope.encoding}",
        "idempotency-key": post.key,
        **authorization(settings),
    }
    if post.envelope.compress is not None:
        headers["content-encoding"] = post.envelope.compress
    return headers


def authorization(settings: Settings) -> dict[str, str]:
    """Return the header that carries the key, if there is one."""
    return {} if settings.key is None else {"authorization": f"Bearer {settings.key}"}


def plan(
    key: str,
    envelope: Envelope,
    samples: Sequence[tuple[int, Piece]],
    deadline_seconds: float,
    post_bytes: int = POST_BYTES,
) -> list[Post]:
    """Split samples into posts of at most `post_bytes`, never within a group.

    The members of a group travel together even if they do not stand together.
    """
    batches: list[list[tuple[int, Piece]]] = [[]]
    size_bytes = 0
    for unit in _units(samples):
        unit_bytes = sum(piece.size_bytes for _, piece in unit)
        full = size_bytes + unit_bytes > post_bytes or len(batches[-1]) + len(unit) > POST_SAMPLES
        if batches[-1] and full:
            batches.append([])
            size_bytes = 0
        batches[-1].extend(unit)
        size_bytes += unit_bytes
    return [
        Post.make(f"{key}-{number}", envelope, batch, deadline_seconds)
        for number, batch in enumerate(batches)
        if batch
    ]


class Intake:
    """What is known of one post's samples, across repeats of its answer."""

    def __init__(self, post: Post) -> None:
        self.groups: dict[str, GroupResult] = {}
        self._post = post
        self._seen: set[int] = set()
        self._held: dict[int, Result] = {}
        self._again: dict[int, Result] = {}
        self._mates = _mates(post.pieces)
        self._by_id = {
            piece.wire_id: index
            for index, piece in enumerate(post.pieces)
            if piece.wire_id is not None
        }

    def take(self, answer: Result | Sequence[GroupResult]) -> list[Settled]:
        """Take a line of the answer, and return which samples are settled by it.

        A sample whose reason is transient is kept back, to be asked again; where the recipe
        looks at whole groups, all of its group is.

        Raises:
            ProtocolError: the line belongs to no sample of this post, or its reward is none.
        """
        if not isinstance(answer, Result):
            self.groups.update((group.group, group) for group in answer)
            return []
        index = self._index(answer)
        check_result(answer)
        if index in self._seen:
            return []
        self._seen.add(index)
        mates = self._mates.get(self._post.pieces[index].sample.group, ())
        if len(mates) < 2:  # noqa: PLR2004  # a group of one is no group
            return self._settle([(index, answer)])
        if answer.status == "unscored" or self._looks_at_groups(answer):
            self._held[index] = answer
            return self._settle_group(mates)
        return self._settle([(index, answer)]) + self._settle_group(mates)

    def take_all(self, results: Sequence[Result]) -> list[Settled]:
        """Take an answer that came as one document: the order says whose each result is.

        Raises:
            ProtocolError: wrong count, or an id that was not sent at this place.
        """
        if len(results) != len(self._post.pieces):
            raise ProtocolError(f"{len(results)} results for {len(self._post.pieces)} samples")
        placed = [each.model_copy(update={"index": n}) for n, each in enumerate(results)]
        return [settled for result in placed for settled in self.take(result)]

    @property
    def missing(self) -> int:
        """Number of samples of which nothing was said so far."""
        return len(self._post.pieces) - len(self._seen)

    def end(self) -> list[tuple[int, Piece]]:
        """Return the samples to ask again under a new key, now that the answer has ended.

        Raises:
            ProtocolError: the answer ended in good order, but is not whole.
        """
        if self.missing:
            raise ProtocolError(
                f"the answer lacks {self.missing} of {len(self._post.pieces)} results"
            )
        post = self._post
        return [(post.places[index], post.pieces[index]) for index in sorted(self._again)]

    def kept_back(self) -> list[Settled]:
        """Return the last word on samples that were to be asked again, for want of a better."""
        return [self._named(index, result) for index, result in (self._again | self._held).items()]

    def _index(self, result: Result) -> int:
        index = result.index
        if index is None and result.id is not None:
            index = self._by_id.get(result.id)
        if index is None or not 0 <= index < len(self._post.pieces):
            raise ProtocolError(f"a result for index {result.index}, id {result.id!r}: never sent")
        wire_id = self._post.pieces[index].wire_id
        if wire_id is not None and result.id != wire_id:
            raise ProtocolError(f"id {result.id!r} at index {index}, where {wire_id!r} was sent")
        return index

    def _looks_at_groups(self, result: Result) -> bool:
        return self._post.envelope.grouped or bool(result.rules) or result.advantage is not None

    def _settle_group(self, mates: Sequence[int]) -> list[Settled]:
        """Settle what was held of a group once all of it is known.

        Until then nobody can say whether an unscored member takes the others with it.
        """
        if not self._seen.issuperset(mates):
            return []
        held = [(mate, self._held.pop(mate)) for mate in mates if mate in self._held]
        whole = any(self._looks_at_groups(each) for _, each in held)
        if whole and any(_transient(each) for _, each in held):
            self._again.update(held)
            return []
        return self._settle(held)

    def _settle(self, indexed: Iterable[tuple[int, Result]]) -> list[Settled]:
        settled: list[Settled] = []
        for index, result in indexed:
            if _transient(result):
                self._again[index] = result
            else:
                settled.append(self._named(index, result))
        return settled

    def _named(self, index: int, result: Result) -> Settled:
        place, sample = self._post.places[index], self._post.pieces[index].sample
        if result.index == place and result.id == sample.id:
            return place, result
        return place, result.model_copy(update={"index": place, "id": sample.id})


def _transient(result: Result) -> bool:
    return result.status == "unscored" and result.reason in TRANSIENT


def _units(samples: Sequence[tuple[int, Piece]]) -> list[list[tuple[int, Piece]]]:
    """Gather what must travel together: a group, or a sample without one."""
    units: list[list[tuple[int, Piece]]] = []
    by_group: dict[str, list[tuple[int, Piece]]] = {}
    for place, piece in samples:
        group = piece.sample.group
        if group is None:
            units.append([(place, piece)])
        elif group in by_group:
            by_group[group].append((place, piece))
        else:
            by_group[group] = [(place, piece)]
            units.append(by_group[group])
    return units


def _mates(pieces: Sequence[Piece]) -> Mapping[str | None, Sequence[int]]:
    mates: dict[str | None, list[int]] = {}
    for index, piece in enumerate(pieces):
        if piece.sample.group is not None:
            mates.setdefault(piece.sample.group, []).append(index)
    return mates


Settle = Callable[[Sequence[Settled]], None]
"""Takes settled samples; never twice for one place."""
