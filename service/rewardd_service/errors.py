"""What refuses a request as a whole; a single bad sample is a verdict, not an error.

* ServiceError
  - RequestRefusedError         422, with the fields that are wrong
  - OverloadedError             429 or 503, with the time after which to try again
  - BackendUnavailableError     503
"""

from collections.abc import Sequence

from rewardd_client.schema import FieldError


class ServiceError(Exception):
    """Base of the errors of this package.

    Attributes:
        code: stable word for programs, part of the API.
    """

    code = "service_error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RequestRefusedError(ServiceError):
    """The request makes no sense; `errors` names each field and the value that stood there."""

    def __init__(self, code: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.errors = list(errors)


class OverloadedError(ServiceError):
    """No room for this request now.

    Attributes:
        retry_after_seconds: when room is expected.
    """

    def __init__(self, code: str, detail: str, retry_after_seconds: float) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class BackendUnavailableError(ServiceError):
    """No worker can be reached."""

    code = "backend_unavailable"
