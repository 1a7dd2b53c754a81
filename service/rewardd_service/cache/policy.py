"""Which verdicts may be given to an equal job, and for how long: never one that was our failure.

While both jobs are in flight, an answer is shared if it says something about the input: a score,
a reference that does not fit, a verifier that cannot tell, a job that ends its workers, and on a
CPU lane a CPU limit that was passed (the same input costs the same again). Everything else is
about a worker, a deadline or a neighbour: the twins of such a job run on their own. After both,
only what a pure verifier concluded is remembered.
"""

from rewardd_service.job import Answer
from rewardd_verifiers import Need, Reason

CACHED_REASONS = frozenset(
    {
        Reason.MATCH,
        Reason.MISMATCH,
        Reason.PARTIAL,
        Reason.NO_ANSWER,
        Reason.BAD_FORMAT,
        Reason.UNPARSEABLE_ANSWER,
        Reason.INVALID_REFERENCE,
    }
)
"""Not `limit_exceeded`: a limit may be moved without any verifier's version."""

_ABOUT_THE_INPUT = frozenset({Reason.INVALID_REFERENCE, Reason.UNDECIDED, Reason.QUARANTINED})


def twins_allowed(need: Need) -> bool:
    """Return whether equal jobs of a need have equal verdicts; a judge may think again."""
    return need is not Need.JUDGE


def shared_in_flight(need: Need, answer: Answer) -> bool:
    """Return whether an answer holds for the equal jobs that wait for it."""
    if answer.score is not None or answer.reason in _ABOUT_THE_INPUT:
        return True
    return need is Need.CPU and answer.reason == Reason.TIMEOUT


def remembered(answer: Answer, version: int) -> bool:
    """Return whether an answer may be kept under a key that stands for `version`."""
    if answer.reason not in CACHED_REASONS or not version > 0:
        return False
    if answer.score is None:
        # A reference is refused before a verifier is asked, so that no version is told.
        return answer.reason == Reason.INVALID_REFERENCE and answer.version in (0, version)
    return Reason(answer.reason).scored and 0 <= answer.score <= 1 and answer.version == version


def taken_over(answer: Answer) -> Answer:
    """Return the answer for an equal job: the same verdict, zero attempts and zero seconds."""
    return Answer(
        -1,
        answer.score,
        answer.reason,
        answer.detail,
        answer.evidence,
        answer.version,
        seconds=0.0,
        attempts=0,
        record=answer.record,
    )
