"""Samples whose scores nobody disputes: they warm the preload and find out workers gone wrong."""

from collections.abc import Iterable
from typing import Final

from rewardd_service.job import Chunk, Job, Setup, Subject
from rewardd_service.pool.messages import KnownSample
from rewardd_service.worker import Worker
from rewardd_verifiers import Catalog

_PLENTY_SECONDS: Final = 3600.0


def known_samples(catalog: Catalog, names: Iterable[str]) -> list[KnownSample]:
    """Return the examples of these verifiers.

    Raises:
        BrokenVerifierError: the package of one is broken.
    """
    return [
        KnownSample(
            name,
            example.completion,
            example.reference,
            example.score,
            dict(example.params),
            example.prompt,
        )
        for name in names
        for example in catalog.examples(name)
    ]


def judge_known(worker: Worker, sample: KnownSample) -> float | None:
    """Return the score that the worker gives to a known sample."""
    (answer,) = worker.handle(
        Chunk(
            [Setup(sample.verifier, sample.params)],
            [Subject(sample.completion, sample.prompt)],
            [sample.reference],
            [Job(0, 0, 0)],
            _PLENTY_SECONDS,
        )
    )
    return answer.score
