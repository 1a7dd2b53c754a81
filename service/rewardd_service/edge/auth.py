"""API keys: made once, kept as hashes, compared in constant time.

A key is `rwd_<id>_<random>`, its random part 32 bytes: against so much chance a fast hash is
enough, and checking a key costs well under a microsecond.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rewardd_service.edge.admission import Share
from rewardd_service.edge.refusal import EdgeRefusalError

_PREFIX = "rwd"
_DUMMY = hashlib.sha256(b"no key has this hash").hexdigest()


class KeyFileError(ValueError):
    """The file of keys cannot be used; the message names the line."""


class StoredKey(BaseModel):
    """A line of the file of keys: everything of a key but the key.

    Attributes:
        weight: the tenant's share of a busy server, relative to others.
        max_samples, max_bytes: bounds on what the tenant has in flight.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-z]{1,32}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    max_samples: Annotated[int, Field(ge=1)] | None = None
    max_bytes: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class NewKey:
    """A key that has just been made: the one moment at which it can be read.

    Attributes:
        key: for the client; it is not kept anywhere.
        line: for the file of keys.
    """

    key: str
    line: str


def new_key(
    tenant: str,
    *,
    weight: float = 1.0,
    max_samples: int | None = None,
    max_bytes: int | None = None,
) -> NewKey:
    """Make a key for a tenant.

    Raises:
        ValueError: the name or a number is out of range.
    """
    identifier = secrets.token_hex(4)
    key = f"{_PREFIX}_{identifier}_{secrets.token_urlsafe(32)}"
    stored = StoredKey(
        id=identifier,
        sha256=_digest(key),
        tenant=tenant,
        weight=weight,
        max_samples=max_samples,
        max_bytes=max_bytes,
    )
    return NewKey(key, stored.model_dump_json(exclude_none=True))


class Keyring:
    """The keys that are let in; without any, everybody is, as tenant ""."""

    def __init__(self, keys: Iterable[StoredKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}

    @classmethod
    def read(cls, path: Path) -> "Keyring":
        """Read a file with a key a line; empty lines and those that start with # are skipped.

        Raises:
            KeyFileError: a line is no stored key, an id comes twice, or there is none at all.
            OSError: the file cannot be read.
        """
        keys: dict[str, StoredKey] = {}
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            line = text.strip()
            if not line or line.startswith("#"):
                continue
            try:
                key = StoredKey.model_validate_json(line)
            except ValidationError as error:
                # The message would repeat the line, and somebody may have put a key there.
                fields = ", ".join(str(entry["loc"]) for entry in error.errors(include_input=False))
                raise KeyFileError(f"{path}:{number} is no stored key: see {fields}") from None
            if key.id in keys:
                raise KeyFileError(f"{path}:{number} repeats the id {key.id}")
            keys[key.id] = key
        if not keys:
            raise KeyFileError(f"{path} holds no key: nobody could use this server")
        return cls(keys.values())

    def __bool__(self) -> bool:
        """Return whether keys are asked for."""
        return bool(self._keys)

    def weights(self) -> dict[str, float]:
        """Return each tenant's share of a busy server, relative to others."""
        return {key.tenant: key.weight for key in self._keys.values()}

    def shares(self) -> Mapping[str, Share]:
        """Return what each tenant may hold: its part by weight, the strictest of its bounds."""
        weights = self.weights()
        whole = sum(weights.values())
        return {
            tenant: Share(
                part=weight / whole,
                max_samples=_least(key.max_samples for key in self._of(tenant)),
                max_bytes=_least(key.max_bytes for key in self._of(tenant)),
            )
            for tenant, weight in weights.items()
        }

    def tenant(self, authorization: str | None) -> str:
        """Return whose key this Authorization header carries.

        Raises:
            EdgeRefusalError: none, or one that is not known.
        """
        if not self._keys:
            return ""
        key = presented_key(authorization)
        if key is None:
            raise _unauthorized("this server asks for a key: Authorization: Bearer rwd_...")
        prefix, _, rest = key.partition("_")
        stored = self._keys.get(rest.partition("_")[0]) if prefix == _PREFIX else None
        # An unknown id costs the same as a known one, so that ids cannot be found by time.
        known = hmac.compare_digest(_digest(key), stored.sha256 if stored else _DUMMY)
        if stored is None or not known:
            raise _unauthorized("this key is not known here")
        return stored.tenant

    def _of(self, tenant: str) -> Iterable[StoredKey]:
        return (key for key in self._keys.values() if key.tenant == tenant)


def presented_key(authorization: str | None) -> str | None:
    """Return the key in an Authorization header: Bearer, or the password of Basic.

    Some trainers can only send what stands in a URL, as in `http://any:KEY@host`.
    """
    scheme, _, value = (authorization or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text.partition(":")[2] or None


def same_secret(presented: str | None, secret: str) -> bool:
    """Compare a presented key with a secret without telling by time how far they agree."""
    return hmac.compare_digest(_digest(presented or ""), _digest(secret))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def _least(bounds: Iterable[int | None]) -> int | None:
    return min((bound for bound in bounds if bound is not None), default=None)


def _unauthorized(detail: str) -> EdgeRefusalError:
    return EdgeRefusalError(
        "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="rewardd"'}
    )
