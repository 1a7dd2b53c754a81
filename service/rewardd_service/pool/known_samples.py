"""Samples whose scores nobody disputes: they warm the preload and find out workers gone wrong.

Those whose verifier is not installed are left out. The first one present is timed when a worker
starts, so the heaviest parser comes first.
"""

from typing import Final

from rewardd_service.job import Chunk, Job, Setup, Subject
from rewardd_service.pool.messages import KnownSample
from rewardd_service.worker import Worker

KNOWN_SAMPLES: Final = (
    KnownSample("math", r"So the answer is \boxed{\frac{\sqrt{8}}{2}}.", r"\sqrt{2}"),
    KnownSample("math", r"We get \boxed{(x+1)^2}.", r"x^2+2x+1"),
    KnownSample("math", r"Hence \boxed{\left\{1, 2\right\}}.", r"\{2, 1\}"),
    KnownSample("math", r"Thus $x \in \boxed{[0, \frac{1}{2})}$.", r"[0, 0.5)"),
    KnownSample("math", r"Therefore \boxed{42}.", "42", score=1.0),
    KnownSample("math", r"Therefore \boxed{41}.", "42", score=0.0),
    KnownSample("exact", "42", "42", score=1.0),
    KnownSample("exact", "41", "42", score=0.0),
)
_PLENTY_SECONDS: Final = 3600.0


def judge_known(worker: Worker, sample: KnownSample) -> float | None:
    """Return the score that the worker gives to a known sample."""
    (answer,) = worker.handle(
        Chunk(
            [Setup(sample.verifier, sample.params)],
            [Subject(sample.completion)],
            [sample.reference],
            [Job(0, 0, 0)],
            _PLENTY_SECONDS,
        )
    )
    return answer.score
