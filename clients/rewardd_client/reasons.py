"""The words a result may carry as its reason, and what a client does about them.

The list belongs to the server's verifiers; the client repeats it so that metrics have the same
keys in every step. A newer server may say more: such words are counted as "other".
"""

SCORED = (
    "bad_format",
    "compile_error",
    "limit_exceeded",
    "match",
    "mismatch",
    "no_answer",
    "partial",
    "runtime_error",
    "unparseable_answer",
)

DEADLINE = "deadline"
INVALID_REFERENCE = "invalid_reference"

UNSCORED = (
    "cancelled",
    DEADLINE,
    "fault",
    INVALID_REFERENCE,
    "judge_failed",
    "overloaded",
    "quarantined",
    "sandbox_unavailable",
    "timeout",
    "undecided",
    "worker_lost",
)

# A time-out is not among them: asking again for slow code costs the same again
# (allenai/open-instruct PR#1227).
TRANSIENT = frozenset(
    {"cancelled", "judge_failed", "overloaded", "sandbox_unavailable", "worker_lost"}
)

OTHER = "other"
