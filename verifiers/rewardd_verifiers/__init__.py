"""Judge completions against references."""

from rewardd_verifiers.catalog import Catalog, Description, type_reference
from rewardd_verifiers.errors import (
    BrokenVerifierError,
    DuplicateVerifierError,
    InvalidParamsError,
    InvalidReferenceError,
    MissingExtraError,
    UnknownVerifierError,
    VerifierError,
)
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.verdict import Evidence, Reason, Verdict
from rewardd_verifiers.verifier import (
    Example,
    Judge,
    JudgeVerifier,
    Need,
    PureVerifier,
    SandboxVerifier,
    Verifier,
)

__all__ = [
    "BrokenVerifierError",
    "Catalog",
    "Description",
    "DuplicateVerifierError",
    "Evidence",
    "Example",
    "InvalidParamsError",
    "InvalidReferenceError",
    "Judge",
    "JudgeVerifier",
    "MissingExtraError",
    "Need",
    "PureVerifier",
    "Reason",
    "Sample",
    "SandboxVerifier",
    "UnknownVerifierError",
    "Verdict",
    "Verifier",
    "VerifierError",
    "type_reference",
]
