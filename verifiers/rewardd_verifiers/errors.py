"""What can go wrong before a verifier is asked.

* VerifierError
  - UnknownVerifierError
  - DuplicateVerifierError
  - BrokenVerifierError
    - MissingExtraError
  - InvalidParamsError
  - InvalidReferenceError
"""


class VerifierError(Exception):
    """Base of the errors of this package."""


class UnknownVerifierError(VerifierError):
    """No installed package offers a verifier of this name."""


class DuplicateVerifierError(VerifierError):
    """Two installed packages offer verifiers of one name."""


class BrokenVerifierError(VerifierError):
    """An installed verifier cannot be imported, or does not keep the contract."""


class MissingExtraError(BrokenVerifierError):
    """The parameters need an optional dependency; the message says what to install."""


class InvalidParamsError(VerifierError):
    """The parameters do not fit the verifier; the message names field and value."""


class InvalidReferenceError(VerifierError):
    """The reference does not fit the verifier; the message names field and value.

    `Catalog.type_reference` raises it, and a verifier may where its own reading of a reference
    fails; either way the worker turns it into an unscored verdict.
    """
