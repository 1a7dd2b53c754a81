"""Turns samples into the bytes that travel, each sample once.

A sample is encoded when it is handed in, in the caller's thread; a post is then only a join of
such pieces. So sizes are exact before anything is split, and what is sent twice is the same.
"""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, TypeAlias, cast

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from rewardd_client.errors import MissingPackageError, RequestError
from rewardd_client.schema import FieldError, Recipe, Sample
from rewardd_client.settings import Compression, Encoding

SampleLike: TypeAlias = Sample | Mapping[str, Any]
"""A sample, or a mapping with its fields: what a row of a data set is."""

# 1 to 3 differ by tenths in size on completions; 1 is the cheapest.
ZSTD_LEVEL = 1

# Small enough to stay in a core's cache; a body in one piece is copied again by each layer below.
BLOCK_BYTES = 2**18

# A path into a reference may be as long as the reference is deep.
PATH_PARTS = 12

_SAMPLE = TypeAdapter(Sample)


@dataclass(frozen=True, slots=True)
class Piece:
    """A sample ready to travel.

    Attributes:
        wire_id: its id within the post; None where the server need not know it.
        content: the sample, encoded.
        shared: encoded references that it points to, by id.
    """

    sample: Sample
    wire_id: str | None
    content: bytes
    shared: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def size_bytes(self) -> int:
        """Bytes that it brings into a post that has nothing of it yet."""
        return len(self.content) + 1 + sum(map(len, self.shared.values()))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the samples of a post have in common, encoded.

    Attributes:
        reward: name or recipe, encoded; None where each sample names its own.
        grouped: the recipe itself stands here, and looks at whole groups.
    """

    reward: bytes | None
    encoding: Encoding
    compress: Compression | None
    grouped: bool = False


def piece_of(sample: SampleLike, place: int, encoding: Encoding) -> Piece:
    """Check and encode one sample; `place` is for the error's sake.

    Raises:
        RequestError: it is not a sample; the errors name its fields.
    """
    try:
        checked = sample if isinstance(sample, Sample) else _validated(sample)
        content = _encoded(checked, encoding)
    except ValidationError as error:
        raise _refused(error, place) from error
    except (PydanticSerializationError, RecursionError) as error:
        raise RequestError(f"samples[{place}] cannot be written as JSON: {error}") from error
    return Piece(checked, checked.id, content)


def without_id(piece: Piece, encoding: Encoding) -> Piece:
    """Return the same piece with an id that the server does not see."""
    anonymous = piece.sample.model_copy(update={"id": None})
    return Piece(piece.sample, None, _encoded(anonymous, encoding), piece.shared)


def encode_value(value: JsonValue | Recipe, encoding: Encoding) -> bytes:
    """Encode a reference, or what names a reward.

    Raises:
        RequestError: it is nothing that JSON knows.
    """
    plain = value.model_dump(exclude_unset=True) if isinstance(value, Recipe) else value
    try:
        return _encode_plain(plain, encoding)
    except (PydanticSerializationError, TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"{type(value).__name__} cannot be written as JSON: {error}") from error


def parts_of(
    envelope: Envelope, pieces: Sequence[Piece], deadline_seconds: float
) -> tuple[bytes, ...]:
    """Return a body in parts, ready to be sent; of pieces there is at least one."""
    shared = {name: content for piece in pieces for name, content in piece.shared.items()}
    if envelope.encoding == "msgpack":
        body = _join_msgpack(envelope.reward, pieces, shared, deadline_seconds)
        return (_compressed(body, envelope.compress),)
    # Parts and no join: that would copy megabytes, and hold each sample twice.
    parts = [b'{"deadline_seconds":', to_json(deadline_seconds)]
    if envelope.reward is not None:
        parts += [b',"reward":', envelope.reward]
    between = b',"references":{'
    for name, content in shared.items():
        parts += [between, to_json(name), b":", content]
        between = b","
    parts += [b"}" if shared else b"", b',"samples":[', pieces[0].content]
    for piece in pieces[1:]:
        parts += [b",", piece.content]
    parts.append(b"]}")
    if envelope.compress is not None:
        return (_compressed(b"".join(parts), envelope.compress),)
    return tuple(parts)


def blocks_of(parts: Sequence[bytes]) -> Iterator[bytes]:
    """Join parts into blocks worth a system call each; long parts stay as they are."""
    block: list[bytes] = []
    size_bytes = 0
    for part in parts:
        block.append(part)
        size_bytes += len(part)
        if size_bytes >= BLOCK_BYTES:
            yield b"".join(block)
            block, size_bytes = [], 0
    yield b"".join(block)


def check_packages(encoding: Encoding, compress: Compression | None) -> None:
    """Raise MissingPackageError now rather than at the first post."""
    if encoding == "msgpack":
        _msgpack()
    if compress is not None:
        _zstd()


def optional_module(name: str, why: str, install: str) -> object:
    """Import a package that the client does without.

    Raises:
        MissingPackageError: it is not there; the message says what to install.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(f"{why} needs {name}: pip install {install}") from error


def _validated(sample: Mapping[str, Any]) -> Sample:
    try:
        return Sample.model_validate(sample)
    except ValidationError as error:
        if all(each["type"] != "string_unicode" for each in error.errors(include_url=False)):
            raise
    return Sample.model_validate(_replaced(dict(sample)))


def _encoded(sample: Sample, encoding: Encoding) -> bytes:
    if encoding == "msgpack":
        return _encode_plain(sample.model_dump(mode="json", exclude_unset=True), encoding)
    try:
        return _SAMPLE.dump_json(sample, exclude_unset=True)
    except PydanticSerializationError:
        return to_json(_replaced(sample.model_dump(exclude_unset=True)))


def _encode_plain(value: object, encoding: Encoding) -> bytes:
    if encoding == "msgpack":
        try:
            return _msgpack().encode(value)
        except UnicodeEncodeError:
            return _msgpack().encode(_replaced(value))
    try:
        return to_json(value)
    except PydanticSerializationError:
        return to_json(_replaced(value))


def _replaced(value: object) -> object:
    """Put U+FFFD for each half of a surrogate pair that stands alone: no UTF-8 can carry it."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_replaced(name): _replaced(each) for name, each in items}
    if isinstance(value, list):
        return [_replaced(each) for each in cast("list[object]", value)]
    return value


def _refused(error: ValidationError, place: int) -> RequestError:
    errors = [
        FieldError(
            field=_path((f"samples[{place}]", *each["loc"][:PATH_PARTS])),
            message=each["msg"],
            value=reprlib.repr(each["input"])[:128],
        )
        for each in error.errors(include_url=False, include_context=False)[:16]
    ]
    first = errors[0]
    return RequestError(f"{first.field}: {first.message}", errors=errors)


def _path(parts: Sequence[int | str]) -> str:
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts
    ).removeprefix(".")


def _compressed(body: bytes, compress: Compression | None) -> bytes:
    return body if compress is None else _zstd().compress(body, level=ZSTD_LEVEL)


def _join_msgpack(
    reward: bytes | None,
    pieces: Sequence[Piece],
    shared: Mapping[str, bytes],
    deadline_seconds: float,
) -> bytes:
    pack = _msgpack()
    raw = cast("_Raw", optional_module("msgspec", "msgpack", "rewardd-client[msgpack]")).Raw
    return pack.encode(
        {
            **({} if reward is None else {"reward": raw(reward)}),
            "references": {name: raw(content) for name, content in shared.items()},
            "deadline_seconds": deadline_seconds,
            "samples": [raw(piece.content) for piece in pieces],
        }
    )


class _Msgpack(Protocol):
    def encode(self, value: object, /) -> bytes: ...


class _Raw(Protocol):
    def Raw(self, content: bytes, /) -> object: ...  # noqa: N802  # msgspec's name


class _Zstd(Protocol):
    def compress(self, body: bytes, /, *, level: int) -> bytes: ...


def _msgpack() -> _Msgpack:
    name, install = "msgspec.msgpack", "rewardd-client[msgpack]"
    return cast("_Msgpack", optional_module(name, 'encoding="msgpack"', install))


def _zstd() -> _Zstd:
    try:
        return cast("_Zstd", import_module("compression.zstd"))  # since Python 3.14
    except ImportError:
        name, install = "backports.zstd", "rewardd-client[zstd]"
        return cast("_Zstd", optional_module(name, 'compress="zstd"', install))
