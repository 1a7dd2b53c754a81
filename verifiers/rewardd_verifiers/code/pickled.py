"""Read the one string that a pickle holds, without unpickling it."""

import base64
import binascii
import pickletools
import zlib

from rewardd_verifiers.code.fields import ShapeError

_MAX_BYTES = 128 << 20
_PASSED_OVER = {"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"}
_STRINGS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}


def unpack(packed: str) -> str:
    """Return the text in base64(zlib(pickle(text))), LiveCodeBench's private tests.

    Raises:
        ShapeError: it is not that, or larger than 128 MiB.
    """
    try:
        inflater = zlib.decompressobj()
        inflated = inflater.decompress(base64.b64decode(packed, validate=True), _MAX_BYTES)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ShapeError(f"private tests are no packed text: {error}") from error
    if inflater.unconsumed_tail:
        raise ShapeError(f"private tests inflate to more than {_MAX_BYTES} bytes")
    return _string(inflated)


def _string(pickle: bytes) -> str:
    found: list[str] = []
    try:
        for code, argument, _ in pickletools.genops(pickle):
            if code.name in _STRINGS and isinstance(argument, str):
                found.append(argument)
            elif code.name not in _PASSED_OVER:
                raise ShapeError(f"private tests hold more than text: {code.name}")
    except ValueError as error:
        raise ShapeError(f"private tests are no packed text: {error}") from error
    if len(found) != 1:
        raise ShapeError(f"private tests hold {len(found)} texts")
    return found[0]
