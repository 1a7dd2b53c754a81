"""The errors of the edge; the table of statuses by code is in `problems`.

* ServiceError
  - EdgeRefusalError            any 4xx but 422; 422 is `RequestRefusedError`
  - ClientGoneError             nobody is left to answer
"""

from collections.abc import Mapping, Sequence

from rewardd_client.schema import FieldError
from rewardd_service.errors import ServiceError


class EdgeRefusalError(ServiceError):
    """The request is refused before it is understood.

    Attributes:
        headers: go out with the problem, e.g. `WWW-Authenticate`.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.errors = list(errors)
        self.headers = dict(headers or {})


class ClientGoneError(ServiceError):
    """The client closed its connection before its answer was ready."""

    code = "client_gone"
