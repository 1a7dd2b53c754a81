"""Verdicts of jobs that are over: found here, in the store that gateways share, or not."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from rewardd_service.cache.entries import Sealer
from rewardd_service.cache.memory import Memory
from rewardd_service.cache.policy import remembered
from rewardd_service.job import Answer

ASKED_FROM_SECONDS = 0.001
"""CPU time of a verification from which a cache saves more than hashing and keeping cost."""


class Question(NamedTuple):
    """A job's key, and the version of the verifier that it stands for."""

    key: bytes
    version: int


class Shelf(Protocol):
    """Where entries lie that other gateways see."""

    async def fetch(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the entries that are there, soon, whatever happens."""
        ...

    def put(self, key: bytes, entry: bytes) -> None:
        """Write an entry some time, or not."""
        ...

    async def close(self) -> None:
        """Write what is buffered if that is quick, and let go."""
        ...


class VerdictCache:
    """Gives and takes answers by key.

    Args:
        shelf: what several gateways share; None for none.
        secret: see `Sealer`.
    """

    def __init__(self, memory: Memory, shelf: Shelf | None = None, secret: bytes = b"") -> None:
        self._memory = memory
        self._shelf = shelf
        self._sealer = Sealer(secret)

    @property
    def shares(self) -> bool:
        """Return whether there is a store beyond this process."""
        return self._shelf is not None

    def find(self, question: Question) -> Answer | None:
        """Return an answer that this process remembers."""
        entry = self._memory.get(question.key)
        return None if entry is None else self._open(question, entry)

    async def fetch(self, questions: Sequence[Question]) -> Mapping[bytes, Answer]:
        """Return by key the answers that other gateways have left; what is damaged is no answer."""
        if self._shelf is None:
            return {}
        entries = await self._shelf.fetch(list({question.key for question in questions}))
        found: dict[bytes, Answer] = {}
        for question in questions:
            entry = entries.get(question.key)
            answer = None if entry is None else self._open(question, entry)
            if answer is not None and entry is not None:
                found[question.key] = answer
                self._memory.put(question.key, entry)
        return found

    def keep(self, question: Question, answer: Answer) -> None:
        """Remember an answer, if it is one that may be given again."""
        if not remembered(answer, question.version):
            return
        entry = self._sealer.seal(question.key, answer)
        if entry is None:
            return
        self._memory.put(question.key, entry)
        if self._shelf is not None:
            self._shelf.put(question.key, entry)

    async def close(self) -> None:
        """Let go of the shelf."""
        if self._shelf is not None:
            await self._shelf.close()

    def _open(self, question: Question, entry: bytes) -> Answer | None:
        return self._sealer.open(question.key, entry, question.version)
