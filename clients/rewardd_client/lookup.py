"""Asks a server for what it offers, with the same patience as a post."""

import asyncio
from datetime import UTC, datetime
from typing import TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from rewardd_client.delivery import CONNECT_SECONDS, OK, READ_GRACE_SECONDS, Line
from rewardd_client.desk import unavailable
from rewardd_client.errors import ProtocolError
from rewardd_client.exchange import authorization
from rewardd_client.retry import Route, Trouble, trouble_of

ModelT = TypeVar("ModelT", bound=BaseModel)


async def look_up(line: Line, path: str, model: type[ModelT], patience_seconds: float) -> ModelT:
    """Return what stands at a path.

    Raises:
        RewarddError: it cannot be had, or is not what was expected.
    """
    trouble = "still connecting"
    route = Route(len(line.settings.urls), line.server)
    try:
        async with asyncio.timeout(patience_seconds):
            while True:
                answer = await _get(line, route.server, path, patience_seconds)
                if isinstance(answer, bytes):
                    line.server = route.server
                    return _read(answer, path, model)
                trouble = answer.text
                await asyncio.sleep(route.after(answer))
    except TimeoutError as error:
        raise unavailable(line.settings, trouble) from error


async def _get(line: Line, server: int, path: str, patience_seconds: float) -> bytes | Trouble:
    patience = patience_seconds + READ_GRACE_SECONDS
    timeout = httpx2.Timeout(connect=CONNECT_SECONDS, read=patience, write=patience, pool=None)
    url, headers = line.settings.urls[server] + path, authorization(line.settings)
    try:
        response = await line.http.get(url, headers=headers, timeout=timeout)
    except httpx2.TransportError as error:
        return Trouble(f"{type(error).__name__}: {error}")
    if response.status_code == OK:
        return response.content
    now = datetime.now(UTC)
    return trouble_of(response.status_code, response.headers, response.content, (), now)


def _read(body: bytes, path: str, model: type[ModelT]) -> ModelT:
    try:
        # A newer server may say more, also where requests may not.
        return model.model_validate_json(body, extra="ignore")
    except ValidationError as error:
        raise ProtocolError(f"{path} answers something else: {error}") from error
