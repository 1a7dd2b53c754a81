"""Notice that a client has gone: it shows only in `receive`, so somebody has to wait there."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive


class Watch:
    """Waits for the end of a connection beside the work; use it once the body has been read.

    Attributes:
        gone: ends when the client has gone.
    """

    def __init__(self, receive: Receive) -> None:
        self.gone = asyncio.create_task(_until_gone(receive))

    def close(self) -> None:
        """Stop watching."""
        self.gone.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
