"""Results as they become final: one JSON line each, with its index."""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rewardd_service.edge.answers import Format, encode_lines
from rewardd_service.edge.runs import Run
from rewardd_service.edge.visit import visit_of
from rewardd_service.edge.watch import Watch

_PACE_SECONDS = 0.05
"""What comes within it goes out in one piece: to send costs more than to score many a sample."""


class StreamedAnswer(Response):
    """Sends what a run has, then what comes; the run must have been joined, and is left after.

    Groups follow in a last line of their own, which has no index. Where the run breaks off, so
    does the connection: a cut stream is the one thing that no client takes for a whole one.
    """

    media_type = Format.NDJSON.value

    def __init__(self, run: Run, watch: Watch) -> None:
        super().__init__(headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._run = run
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines; `receive` is left to the watch."""
        del receive
        try:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            if await self._lines(send):
                visit = visit_of(scope)
                visit.scored, visit.reasons = self._run.scored, self._run.reasons
                groups: list[dict[str, Any]] = self._run.answer()["groups"]
                last = encode_lines([{"groups": groups}]) if groups else b""
                await _send(send, last, more=False)
        finally:
            self._run.leave()
            self._watch.close()

    async def _lines(self, send: Send) -> bool:
        """Send a line per result; return False if the client left before the last."""
        run, gone = self._run, self._watch.gone
        seen = 0
        while not (run.ended and seen == len(run.arrived)):
            await run.news(seen, gone)
            if gone.done():
                return False
            fresh, seen = run.arrived[seen:], len(run.arrived)
            if fresh:
                await _send(send, encode_lines([{**line, "index": index} for index, line in fresh]))
                await asyncio.wait({run.task, gone}, timeout=_PACE_SECONDS)
        return True


async def _send(send: Send, lines: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": lines, "more_body": more})
