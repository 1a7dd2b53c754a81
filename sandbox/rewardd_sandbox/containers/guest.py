"""A container whose worker has said hello, for as long as it is trusted to be sound."""

from rewardd_sandbox.containers.greeting import Hello, Wishes
from rewardd_sandbox.containers.link import Link
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.containers.stream import Container
from rewardd_sandbox.containers.wire import PROTOCOL, Frame, Writer
from rewardd_sandbox.errors import SandboxError, StarvedError, UnavailableError

_HELLO_SECONDS = 120.0


class Guest:
    """A container in use.

    Attributes:
        jails: how many were opened in it.
        doubtful: something odd happened: no further submission may run in it.
    """

    def __init__(self, container: Container, link: Link, hello: Hello) -> None:
        self._container = container
        self._link = link
        self.hello = hello
        self.jails = 0
        self.doubtful = False

    @classmethod
    async def greet(cls, container: Container, options: DockerOptions, slots: int) -> "Guest":
        """Have the worker inside find its tier.

        Raises:
            UnavailableError: no program can run in there; the message says why.
            LostError: the container ended.
        """
        link = Link(container.stream)
        wishes = Wishes(
            slots=slots,
            min_tier=options.min_tier,
            search_path=options.search_path,
            python=options.python,
        )
        what = Writer(call="hello", protocol=PROTOCOL).add("wishes", wishes)
        try:
            frame = await link.call(what, patience_seconds=_HELLO_SECONDS)
            hello = frame.record("hello", Hello)
        except BaseException:
            await link.close()
            raise
        return cls(container, link, hello)

    @property
    def name(self) -> str:
        """The container's name."""
        return self._container.name

    @property
    def sound(self) -> bool:
        """Whether the next submission may run in it."""
        return self._link.alive and not self.doubtful

    def next_number(self) -> int:
        """Return a number for a jail inside."""
        self.jails += 1
        return self.jails

    async def call(self, what: Writer, *, patience_seconds: float, most_bytes: int = 0) -> Frame:
        """Ask the worker inside.

        Raises:
            SandboxError: what it raised, or that it was lost.
        """
        try:
            return await self._link.call(
                what, most_bytes=most_bytes, patience_seconds=patience_seconds
            )
        except (StarvedError, UnavailableError):
            raise  # the machine's or the image's trouble, and no worse for the next one
        except SandboxError:
            self.doubtful = True
            raise

    async def close(self) -> None:
        """Kill the container and all that is in it."""
        await self._link.close()
        await self._container.remove()
