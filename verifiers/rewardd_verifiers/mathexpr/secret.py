"""The secret that the probe's points are drawn from: no policy can train against them.

Signs and regions of the points are fixed, only their digits are secret. One secret serves one
process unless it is told another, so that a fleet agrees to the last digit.
"""

import secrets
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b


class _Secret:
    """What the points are drawn from."""

    drawn = secrets.token_bytes(32)


def share_secret(secret: bytes) -> None:
    """Draw points from this secret from now on.

    To be called before anything is judged: what is remembered of earlier points stays as it is.

    Raises:
        ValueError: the secret is empty.
    """
    if not secret:
        raise ValueError("an empty secret is none")
    _Secret.drawn = blake2b(secret, digest_size=32, person=b"rewardd probe").digest()
    digits.cache_clear()


@lru_cache(maxsize=4096)
def digits(name: str, place: int) -> Fraction:
    """Return a secret rational in (0, 1) for a name at a point; its denominator is 2^64."""
    drawn = blake2b(f"{place}:{name}".encode("utf-8", "replace"), key=_Secret.drawn, digest_size=8)
    return Fraction(int.from_bytes(drawn.digest(), "big") | 1, 2**64)
