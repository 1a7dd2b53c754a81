"""Every error as a problem (RFC 9457): one table from code to status, one place that writes it."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from rewardd_client.schema import FieldError, Problem
from rewardd_service.edge.field_errors import shown
from rewardd_service.edge.refusal import ClientGoneError, EdgeRefusalError
from rewardd_service.edge.visit import visit_of
from rewardd_service.errors import (
    BackendUnavailableError,
    OverloadedError,
    RequestRefusedError,
    ServiceError,
)

MEDIA_TYPE = "application/problem+json"

# nginx's status for a client that closed its connection: for the log, as nobody is answered.
CLIENT_CLOSED = 499

STATUS_BY_CODE: Mapping[str, int] = {
    "invalid_body": 400,
    "unsupported_dataset": 400,
    "unauthorized": 401,
    "unknown_job": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "idempotency_conflict": 409,
    "body_too_large": 413,
    "too_many_samples": 413,
    "unsupported_media_type": 415,
    "unsupported_encoding": 415,
    "invalid_request": 422,
    "unknown_verifier": 422,
    "unknown_recipe": 422,
    "invalid_params": 422,
    "unknown_reference_id": 422,
    "duplicate_id": 422,
    "missing_input": 422,
    "need_not_configured": 422,
    "tenant_limit": 429,
    "client_gone": CLIENT_CLOSED,
    "internal_error": 500,
    "overloaded": 503,
    "draining": 503,
    "backend_unavailable": 503,
    "no_verdict": 503,
    "not_in_time": 504,
}

_CODE_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_UNPROCESSABLE = 422
_UNAVAILABLE = 503
_BACKEND_RETRY_SECONDS = 1.0
_Answer = Callable[[Request, Exception], Response]


def problem_response(
    request: Request,
    code: str,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    retry_after_seconds: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem, and note its code for the log."""
    visit = visit_of(request.scope)
    visit.code = code
    status = STATUS_BY_CODE.get(code, _UNPROCESSABLE)
    problem: dict[str, Any] = Problem(
        type=f"urn:rewardd:problem:{code}",
        title=_title(status),
        status=status,
        detail=detail,
        code=code,
        instance=request.url.path,
        request_id=visit.request_id,
        errors=errors or [],
    ).model_dump(exclude={"retry_after_ms"})
    extra = dict(headers or {})
    if retry_after_seconds is not None:
        seconds = max(1, -int(-retry_after_seconds // 1))
        extra["Retry-After"] = str(seconds)
        problem["retry_after_ms"] = round(max(retry_after_seconds, 0) * 1000)
    return Response(_written(problem), status, headers=extra, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every error of an app answered as a problem."""
    app.add_exception_handler(ServiceError, _in_loop(_service_error))
    app.add_exception_handler(HTTPException, _in_loop(_http_error))
    app.add_exception_handler(RequestValidationError, _in_loop(_validation_error))
    app.add_exception_handler(Exception, _in_loop(_bug))


def _in_loop(answer: _Answer) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """Answer where the request is: a plain function would be sent to a thread and waited for."""

    async def answered(request: Request, error: Exception) -> Response:
        return answer(request, error)

    return answered


def _service_error(request: Request, error: Exception) -> Response:
    match error:
        case ClientGoneError():
            visit_of(request.scope).code = error.code
            return Response(status_code=CLIENT_CLOSED)
        case OverloadedError():
            return problem_response(
                request, error.code, error.detail, retry_after_seconds=error.retry_after_seconds
            )
        case BackendUnavailableError():
            return problem_response(
                request, error.code, error.detail, retry_after_seconds=_BACKEND_RETRY_SECONDS
            )
        case RequestRefusedError():
            return problem_response(request, error.code, error.detail, errors=error.errors)
        case EdgeRefusalError():
            return problem_response(
                request, error.code, error.detail, errors=error.errors, headers=error.headers
            )
        case _:
            return _bug(request, error)


def _http_error(request: Request, error: Exception) -> Response:
    """Answer what routing refuses: an unknown path, a method that the path does not have."""
    if not isinstance(error, HTTPException):
        return _bug(request, error)
    code = _CODE_BY_STATUS.get(error.status_code, "invalid_request")
    detail = f"{request.method} {request.url.path}: {_title(STATUS_BY_CODE[code]).lower()}"
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return problem_response(request, code, detail, headers=headers)


def _methods(request: Request) -> list[str]:
    """Return what a path can be asked for: routing names the methods of its first route only."""
    routes: list[BaseRoute] = request.app.routes
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted(
        {method for route in matching for method in getattr(route, "methods", None) or ()}
    )


def _validation_error(request: Request, error: Exception) -> Response:
    """Answer a query or path parameter that does not fit; bodies are not FastAPI's business."""
    if not isinstance(error, RequestValidationError):
        return _bug(request, error)
    errors = [
        FieldError(
            field=".".join(str(step) for step in line["loc"]),
            message=str(line["msg"]),
            value=shown(line.get("input", "")),
        )
        for line in error.errors()[:20]
    ]
    detail = "; ".join(f"{entry.field}: {entry.message}" for entry in errors[:3])
    return problem_response(request, "invalid_request", detail, errors=errors)


def _bug(request: Request, _error: Exception) -> Response:
    """Answer for a bug; the server that called logs its trace."""
    return problem_response(request, "internal_error", "a bug of this server; its log says more")


def _title(status: int) -> str:
    return "Client Closed Request" if status == CLIENT_CLOSED else HTTPStatus(status).phrase


def _written(problem: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(problem)
    except UnicodeEncodeError:
        problem = {name: _plain_text(value) for name, value in problem.items()}
        return msgspec.json.encode(problem)


def _plain_text(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        entries = cast("list[dict[str, str]]", value)
        return [{name: _plain_text(text) for name, text in entry.items()} for entry in entries]
    return value
