"""What a client is told when it is made: plain values, so that it can be pickled and compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import httpx2

Encoding = Literal["json", "msgpack"]
Compression = Literal["zstd"]

MAX_DEADLINE_SECONDS = 3600.0

LOCAL_URL = "http://local.rewardd.invalid"
"""Stands for the server inside this process; `.invalid` never resolves (RFC 2606)."""


@dataclass(frozen=True)
class Settings:
    """Where the server is, and how to talk to it.

    Attributes:
        urls: tried in turn; the one that answered last is asked first.
        key: sent as a bearer token; never part of `repr`.
        deadline_seconds: of calls that name none.
        encoding, compress: of request bodies.
        group_size: of submitted samples with a group; they wait for each other.
    """

    urls: tuple[str, ...]
    key: str | None = field(default=None, repr=False)
    deadline_seconds: float = 300.0
    encoding: Encoding = "json"
    compress: Compression | None = None
    group_size: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could only fail later, in the middle of a training step."""
        if not self.urls:
            raise ValueError("a client needs the URL of a server")
        check_deadline(self.deadline_seconds)
        check_group_size(self.group_size)
        if self.encoding not in ("json", "msgpack"):
            raise ValueError(f'encoding {self.encoding!r} is neither "json" nor "msgpack"')
        if self.compress not in (None, "zstd"):
            raise ValueError(f'compress {self.compress!r} is neither None nor "zstd"')
        if self.key is not None and not (self.key.isascii() and self.key.isprintable()):
            raise ValueError("the key holds characters that no HTTP header can carry")


def settings_of(url: str | Sequence[str], key: str | None) -> tuple[tuple[str, ...], str | None]:
    """Return clean URLs, and the key: the one given, else the password within a URL.

    Raises:
        ValueError: a URL is not one of http or https.
    """
    given = [url] if isinstance(url, str) else list(url)
    parsed = [_parse(each) for each in given]
    passwords = [each.password for each in parsed if each.password]
    clean = tuple(
        str(each.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")
        for each in parsed
    )
    return clean, key or (passwords[0] if passwords else None)


def check_deadline(deadline_seconds: float) -> None:
    """Raise ValueError unless the server would take it; NaN included."""
    if not 0 < deadline_seconds <= MAX_DEADLINE_SECONDS:
        raise ValueError(
            f"deadline_seconds {deadline_seconds} is outside (0, {MAX_DEADLINE_SECONDS:g}]"
        )


def check_group_size(group_size: int | None) -> None:
    """Raise ValueError for a group that could never be whole."""
    if group_size is not None and group_size < 1:
        raise ValueError(f"group_size {group_size} is below 1")


def _parse(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url.strip())
    except httpx2.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url!r} is no URL of http or https")
    return parsed
