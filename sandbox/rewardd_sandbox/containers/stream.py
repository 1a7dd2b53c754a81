"""What an engine offers of a container: bytes in, bytes out, and an end."""

from typing import Protocol


class Stream(Protocol):
    """A container's standard input and output."""

    async def read(self) -> bytes:
        """Return what came next on standard output, in pieces of a bounded size; b"" at the end."""
        ...

    async def write(self, content: bytes) -> None:
        """Write all of it to standard input.

        Raises:
            OSError: nobody reads it any more.
        """
        ...

    def complaint(self) -> str:
        """Return the last line said on standard error, for people."""
        ...

    def close(self) -> None:
        """Let go: the container's standard input ends, and so does the worker inside."""
        ...


class Container(Protocol):
    """One container that runs."""

    @property
    def name(self) -> str:
        """How people find it."""
        ...

    @property
    def stream(self) -> Stream:
        """The worker inside."""
        ...

    async def remove(self) -> None:
        """Kill it and take it away; if it is gone that is well."""
        ...


class Engine(Protocol):
    """Makes containers."""

    async def start(self) -> Container:
        """Start a container with our worker in it.

        Raises:
            UnavailableError: none can be had until somebody mends it; the message says how.
            LostError: this one could not be started.
        """
        ...

    async def sweep(self) -> None:
        """Remove containers whose owners were killed.

        Raises:
            UnavailableError: the engine does not answer.
        """
        ...

    async def close(self) -> None:
        """Let go of the engine."""
        ...
