"""What stands where in Redis. All keys begin with `rewardd:`, for the rules of an ACL."""

from typing import Final

from rewardd_verifiers import Need

GROUP: Final = "workers"
ROSTER: Final = "rewardd:roster"
"""Ids of workers; each has a key of its own, which expires."""
ROSTER_CHANGES: Final = "rewardd:roster:changes"
"""Counts joins, so that two cannot join at once."""
QUARANTINE: Final = "rewardd:quarantine"
ANSWERS: Final = "rewardd:answers"
"""Keys of answers by the time at which they end."""
ANSWERS_BYTES: Final = "rewardd:answers:bytes"

_REPLIES: Final = "rewardd:replies:"


def chunks(need: Need) -> str:
    """Return the stream of a need."""
    return f"rewardd:chunks:{need}"


def replies(gateway: str) -> str:
    """Return the list to which a gateway's replies are pushed."""
    return f"{_REPLIES}{gateway}"


def is_replies(key: str) -> bool:
    """Return whether a key is such a list: a parcel must not make a worker write elsewhere."""
    return key.startswith(_REPLIES)


def gateway(gateway_id: str) -> str:
    """Return the key that a gateway writes to see whether it can."""
    return f"rewardd:gateway:{gateway_id}"


def worker(worker_id: str) -> str:
    """Return the key under which a worker says what it offers."""
    return f"rewardd:worker:{worker_id}"


def reference(digest: str) -> str:
    """Return the key of a large reference."""
    return f"rewardd:reference:{digest}"


def answer(mark: str) -> str:
    """Return the key of an answer to a request with an Idempotency-Key."""
    return f"rewardd:answer:{mark}"
