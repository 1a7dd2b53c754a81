"""Brings one post to a server and its answer back, as often as it takes.

Runs until every sample is settled or an error is certain; the deadline belongs to the caller,
who cancels and then asks for `leftovers`.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2

from rewardd_client.answers import LineReader, read_line, read_response
from rewardd_client.encoding import Piece, blocks_of
from rewardd_client.errors import ProtocolError
from rewardd_client.exchange import Intake, Post, Settle, Settled, headers_of
from rewardd_client.reasons import DEADLINE
from rewardd_client.retry import Route, Trouble, trouble_of
from rewardd_client.schema import GroupResult, Result
from rewardd_client.settings import Settings

OK = 200

CONNECT_SECONDS = 5.0

# The server answers at its own deadline, which began when the whole body was there.
READ_GRACE_SECONDS = 5.0


@dataclass
class Line:
    """A way to the servers of one client's settings.

    Attributes:
        server: the one that answered last; the next post goes there first.
    """

    settings: Settings
    http: httpx2.AsyncClient
    server: int = 0


@dataclass
class _State:
    """What is known of a delivery that was interrupted."""

    groups: dict[str, GroupResult] = field(default_factory=dict[str, GroupResult])
    kept: dict[int, Result] = field(default_factory=dict[int, Result])


class Delivery:
    """One post with its repeats, and the posts that ask again for some of its samples.

    Attributes:
        reached: whether a server gave any answer at all, a refusal included.
        trouble: what went wrong last, for people.
    """

    def __init__(self, post: Post, deadline_at: float) -> None:
        self.reached = False
        self.trouble = ""
        self._deadline_at = deadline_at
        self._post = post
        self._intake = Intake(post)
        self._state = _State()
        self._open = dict(zip(post.places, post.pieces, strict=True))

    async def run(self, line: Line, settle: Settle) -> None:
        """Return when each sample was handed to `settle`.

        Raises:
            RewarddError: no other try would end differently.
        """
        route = Route(len(line.settings.urls), line.server)
        while True:
            trouble = await self._attempt(line, route.server, settle)
            if trouble is None:
                line.server = route.server
                rest = self._intake.end()
                self._state.groups = self._intake.groups | self._state.groups
                if not rest:
                    return
                trouble = Trouble(f"{len(rest)} samples unscored for a passing reason")
                self._ask_again(rest)
            self.trouble = trouble.text
            await asyncio.sleep(route.after(trouble))

    @property
    def groups(self) -> dict[str, GroupResult]:
        """What the server said of whole groups."""
        return self._intake.groups | self._state.groups

    def leftovers(self) -> list[Settled]:
        """Return a result for each sample that is not settled: the last word on it, or none."""
        last = self._state.kept | dict(self._intake.kept_back())
        return [
            (place, last.get(place) or unscored(place, piece, DEADLINE))
            for place, piece in self._open.items()
        ]

    def _ask_again(self, rest: list[tuple[int, Piece]]) -> None:
        self._state.kept = dict(self._intake.kept_back())
        remaining = max(self._deadline_at - asyncio.get_running_loop().time(), 0.001)
        self._post = Post.make(uuid.uuid4().hex, self._post.envelope, rest, remaining)
        self._intake = Intake(self._post)

    async def _attempt(self, line: Line, server: int, settle: Settle) -> Trouble | None:
        settings = line.settings
        remaining = max(self._deadline_at - asyncio.get_running_loop().time(), 0.0)
        patience = remaining + READ_GRACE_SECONDS
        try:
            async with line.http.stream(
                "POST",
                f"{settings.urls[server]}/v1/score",
                content=_blocks(self._post),
                headers=headers_of(settings, self._post),
                timeout=httpx2.Timeout(
                    connect=CONNECT_SECONDS, read=patience, write=patience, pool=None
                ),
            ) as response:
                self.reached = True
                return await self._read(response, settle)
        except httpx2.TransportError as error:
            return Trouble(f"{type(error).__name__}: {error}")
        except httpx2.DecodingError as error:
            raise ProtocolError(f"the answer's compression is broken: {error}") from error

    async def _read(self, response: httpx2.Response, settle: Settle) -> Trouble | None:
        status = response.status_code
        if status != OK:
            body = await response.aread()
            return trouble_of(status, response.headers, body, self._post.places, datetime.now(UTC))
        if response.headers.get("content-type", "").startswith("application/json"):
            answer = read_response(await response.aread())
            self._intake.groups.update({each.group: each for each in answer.groups})
            self._settle(self._intake.take_all(answer.results), settle)
            return None
        return await self._read_lines(response, settle)

    async def _read_lines(self, response: httpx2.Response, settle: Settle) -> Trouble | None:
        lines = LineReader()
        async for content in response.aiter_bytes():
            self._take(lines.feed(content), settle)
        if "content-length" in response.headers or "transfer-encoding" in response.headers:
            self._take(lines.end(), settle)
            return None
        # Only the closed connection ended this answer: nobody knows whether it was whole.
        return Trouble("the answer was cut off") if self._intake.missing else None

    def _take(self, lines: list[bytes], settle: Settle) -> None:
        for line in lines:
            self._settle(self._intake.take(read_line(line)), settle)

    def _settle(self, settled: list[Settled], settle: Settle) -> None:
        for place, _ in settled:
            del self._open[place]
        if settled:
            settle(settled)


async def _blocks(post: Post) -> AsyncGenerator[bytes]:
    for block in blocks_of(post.parts):
        yield block


def unscored(place: int, piece: Piece, reason: str) -> Result:
    """Return the result of a sample that no server judged."""
    return Result(id=piece.sample.id, reward=None, status="unscored", reason=reason, index=place)
