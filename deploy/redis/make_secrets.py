# noqa: INP001  a script that the stack runs, no package
"""Make the password of the stack's Redis, once: a list of users for it, a URL for everybody else.

Run as `make_secrets.py FOLDER HOST`. What is there already stays, so that a restart of one
container does not lock out the others.
"""

import hashlib
import secrets
import sys
from pathlib import Path

_USERS = """\
user default off
user health on nopass -@all +ping
user rewardd on #{digest} ~rewardd:* &rewardd:* +@all -@admin -@dangerous +xinfo
"""


def main(folder: Path, host: str) -> None:
    """Write the files, the URL last: it is what says that all is done."""
    address = folder / "rewardd_redis"
    if address.exists():
        return
    password = secrets.token_urlsafe(32)
    users = folder / "users.acl"
    users.write_text(
        _USERS.format(digest=hashlib.sha256(password.encode()).hexdigest()), encoding="utf-8"
    )
    # Redis runs as another user; a hash of so much chance tells nobody anything.
    users.chmod(0o644)
    # For what asks Redis in its own words, as an autoscaler does.
    plain = folder / "password"
    plain.touch(mode=0o600)
    plain.write_text(password, encoding="utf-8")
    draft = folder / "draft"
    draft.touch(mode=0o600)
    draft.write_text(f"redis://rewardd:{password}@{host}:6379/0", encoding="utf-8")
    draft.rename(address)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
