"""What a pool has been through, for metrics."""

from collections import Counter
from dataclasses import dataclass, field

from rewardd_service.pool.process import Cause


@dataclass(slots=True)
class Counters:
    """Totals since the pool was made.

    Attributes:
        exits: deaths of workers by cause.
        starts: workers that said hello.
        resent: jobs that were sent to another worker because theirs died.
        quarantined: jobs put in quarantine.
        quarantine_hits: jobs answered from it.
        wrong_canaries: workers found to judge a known sample wrongly.
    """

    exits: Counter[Cause] = field(default_factory=Counter[Cause])
    starts: int = 0
    resent: int = 0
    quarantined: int = 0
    quarantine_hits: int = 0
    wrong_canaries: int = 0
