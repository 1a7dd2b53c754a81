"""What goes wrong with a whole call; a sample without a verdict is a result, not an error.

* RewarddError
  - Unscored            samples have no verdict, and the caller asked for one for each
  - Unavailable         no server answered before the deadline
  - RequestError        the request makes no sense, or is not allowed: 4xx, or refused unsent
  - ServerFault         the server has a bug: 500, twice
  - ProtocolError       the answer is none: wrong count, unknown id, not finite, no JSON
  - ClosedError         the client was closed
  - MissingPackageError an optional package is not installed (also an ImportError)
"""

from collections.abc import Mapping, Sequence

from rewardd_client.schema import FieldError


class RewarddError(Exception):
    """Base of the errors of this package."""


class Unscored(RewarddError):  # noqa: N818  # named for what happened, as trainers' configurations spell it
    """Samples came back without a reward.

    Attributes:
        reasons: why, by the sample's place in the call.
    """

    def __init__(self, message: str, reasons: Mapping[int, str] | None = None) -> None:
        super().__init__(message)
        self.reasons = dict(reasons or {})


class Unavailable(RewarddError):  # noqa: N818  # names a state of the server, as its siblings do
    """Not one answer of any kind arrived before the deadline."""


class RequestError(RewarddError):
    """The request was refused; to send it again changes nothing.

    Attributes:
        status: HTTP status; None where it was refused before it was sent.
        code: stable word for programs, e.g. "unknown_recipe".
        errors: the fields that are wrong; `samples[i]` counts from the start of the call.
        request_id: how the server's log calls it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid_request",
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.errors = list(errors)
        self.request_id = request_id


class ServerFault(RewarddError):  # noqa: N818  # says whose doing it is, as its siblings do
    """The server failed twice on the same request.

    Attributes:
        status: HTTP status, 500 or one that no server of this protocol gives.
        request_id: how the server's log calls it.
    """

    def __init__(self, message: str, *, status: int = 500, request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class ProtocolError(RewarddError):
    """The answer cannot be trusted: nothing of it that was not checked is handed on."""


class ClosedError(RewarddError):
    """The client was closed, and its samples can no longer be sent."""


class MissingPackageError(RewarddError, ImportError):
    """Something asked for needs a package that is not installed; the message names it."""
