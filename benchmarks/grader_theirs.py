"""Math-Verify, with its defaults, as a grader of benchmarks."""

import logging
from collections.abc import Callable
from typing import cast

from math_verify import parse, verify

from benchmarks.graders import Row

# Its lists have no element type.
_parse = cast("Callable[[str], object]", parse)
_verify = cast("Callable[[object, object], bool]", verify)

logging.disable(logging.CRITICAL)


def judge(row: Row) -> tuple[bool | None, str]:
    """Return whether the response is right; it has no tiers."""
    return _verify(_parse(f"${row.gold}$"), _parse(row.response)), ""
