# noqa: INP001  a script that the stack runs, no package
"""Make a fleet's secrets, once: users of its Redis, URLs for all others, what its judges share.

Run as `make_secrets.py FOLDER HOST [--profiles NAMES]`. What is there already stays, so that a
restart of one container does not lock out the others. With the profile `cache` among the names, a
Redis for verdicts is named, too; without it, gateways are not told of one.
"""

import hashlib
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

_USERS = """\
user default off
user health on nopass -@all +ping
user rewardd on #{digest} ~rewardd:* &rewardd:* +@all -@admin -@dangerous +xinfo
"""
_CACHE_USERS = """\
user default off
user health on nopass -@all +ping
user rewardd on #{digest} ~rewardd:verdict:* -@all +@connection -@admin -@dangerous +get +mget +set
"""


def main(folder: Path, host: str, profiles: Sequence[str]) -> None:
    """Write the files, those that are waited for last."""
    _probes(folder)
    _redis(folder, host)
    if "cache" in profiles:
        _cache(folder)
    else:
        (folder / "rewardd_cache_url").unlink(missing_ok=True)


def _probes(folder: Path) -> None:
    """Make what all that judge draw the points from at which they compare expressions."""
    known = folder / "rewardd_probe_secret"
    if not known.exists():
        _write(known, secrets.token_urlsafe(32))


def _redis(folder: Path, host: str) -> None:
    """Make the queue's password; its URL says that all is done."""
    address = folder / "rewardd_redis"
    if address.exists():
        return
    password = secrets.token_urlsafe(32)
    _write_users(folder / "users.acl", _USERS, password)
    # For what asks Redis in its own words, as an autoscaler does.
    _write(folder / "password", password)
    _write(address, f"redis://rewardd:{password}@{host}:6379/0")


def _cache(folder: Path) -> None:
    """Make the cache's password, and what its verdicts are sealed with, unless they are there."""
    known = folder / "cache_password"
    if not known.exists():
        password = secrets.token_urlsafe(32)
        _write_users(folder / "cache.acl", _CACHE_USERS, password)
        _write(folder / "rewardd_cache_secret", secrets.token_urlsafe(32))
        _write(known, password)
    password = known.read_text(encoding="utf-8")
    _write(folder / "rewardd_cache_url", f"redis://rewardd:{password}@cache:6379/0")


def _write_users(path: Path, users: str, password: str) -> None:
    digest = hashlib.sha256(password.encode()).hexdigest()
    path.write_text(users.format(digest=digest), encoding="utf-8")
    # Redis runs as another user; a hash of so much chance tells nobody anything.
    path.chmod(0o644)


def _write(path: Path, text: str) -> None:
    """Write a secret whole or not at all, for its owner alone."""
    draft = path.parent / "draft"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.rename(path)


if __name__ == "__main__":
    place, address, *rest = sys.argv[1:]
    main(Path(place), address, rest[1].split(",") if rest[:1] == ["--profiles"] else [])
