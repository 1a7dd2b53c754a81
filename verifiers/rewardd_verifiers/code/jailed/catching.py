"""Hold what code of other people raises: in here that is its answer, whatever it is."""

from types import TracebackType
from typing import Self

Kinds = type[BaseException] | tuple[type[BaseException], ...]


class Caught:
    """Keeps what is raised within it; `only` narrows that, and the rest goes on."""

    def __init__(self, only: Kinds = BaseException) -> None:
        self._only = only
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
        """Keep the error."""
        kept = isinstance(error, self._only)
        self.error = error if kept else None
        return kept
