"""`/submit` of SandboxFusion: a completion and its tests; whether all passed, and each run."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from rewardd_client.schema import FieldError
from rewardd_service.edge.field_errors import shown
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.errors import RequestRefusedError
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer
from rewardd_service.routes_compat import records
from rewardd_service.routes_compat.run_code import Seconds, lane_seconds, language_of

HOLD_SECONDS = 120.0

_ALL_TESTS = 1_000_000
"""Failures after which the rest is not run: never."""
_SHOWN_CHARACTERS = 1000
_PYTHON = "python"
_FENCE = "```"


class Extra(BaseModel):
    """Options of a data set.

    Attributes:
        run_all_cases: go on behind a failure.
        return_full_case: show tests whole.
        is_freeform: a completion is an answer with a code block, not the rest of its prompt.
    """

    run_all_cases: bool = False
    return_full_case: bool = False
    is_freeform: bool = False


class Config(BaseModel):
    """How a submission is to be judged."""

    dataset_type: str | None = None
    language: str | None = None
    compile_timeout: Seconds | None = None
    run_timeout: Seconds | None = None
    custom_extract_logic: str | None = None
    provided_data: dict[str, Any] | list[dict[str, Any]] | None = None
    extra: Extra | None = None


class SubmitRequest(BaseModel):
    """What a client submits; fields that are not here are ignored."""

    completion: str
    id: int | str = ""
    dataset: str = ""
    config: Config

    @property
    def row(self) -> Mapping[str, Any]:
        """Return the row of the data set, which comes along.

        Raises:
            RequestRefusedError: it does not.
        """
        given = self.config.provided_data
        rows = [given] if isinstance(given, dict) else given or []
        named = [row for row in rows if len(rows) == 1 or row.get("id") == self.id]
        if len(named) != 1:
            raise _misfit("config.provided_data", "has no row for this id: none is kept here", None)
        return named[0]

    @property
    def options(self) -> Extra:
        """Return the options of its data set."""
        return self.config.extra or Extra()

    def inquiry(self) -> Inquiry:
        """Return what to ask a worker.

        Raises:
            EdgeRefusalError: code to extract code, or a kind of data set that is not offered.
            RequestRefusedError: a field is missing, or does not fit.
        """
        config = self.config
        if config.custom_extract_logic:
            raise _not_offered("custom_extract_logic is code: this server runs none of a request's")
        shape = _SHAPES.get(config.dataset_type or "")
        if shape is None:
            known = ", ".join(_SHAPES)
            what = (config.dataset_type or "none")[:80]
            raise _not_offered(f"dataset_type {what!r} is not offered here; there are {known}")
        asked = shape(self)
        tests = max(len(_cases(self.row.get("test"))), 1)
        run, build = config.run_timeout or 10.0, config.compile_timeout or 10.0
        params = {
            "cpu_seconds": run,
            "build_cpu_seconds": build,
            "stop_after": _ALL_TESTS if self.options.run_all_cases else None,
            **asked.params,
        }
        return Inquiry(
            verifier="code",
            params=params,
            completion=asked.completion,
            reference=asked.reference,
            cpu_seconds=lane_seconds((3 * run + 2) * 2 * tests + 4 * build),
        )


class _Asked(BaseModel):
    """A submission in the words of the verifier `code`."""

    completion: str
    reference: object
    params: dict[str, Any]


def _common_oj(request: SubmitRequest) -> _Asked:
    if not request.config.language:
        raise _misfit("config.language", "is missing", None)
    language = language_of(request.config.language)
    if language is None:
        name = request.config.language[:40]
        raise _not_offered(f"language {name} is not available on this server")
    tests = _decoded(request.row, "test")
    return _Asked(
        completion=request.completion,
        reference={"test": tests},
        params={"language": language.name},
    )


def _human_eval(request: SubmitRequest) -> _Asked:
    row = {**_labels(request.row), **request.row}
    prompt = row.get("prompt") or row.get("content") or ""
    entry, test = row.get("entry_point"), _unwrapped(row.get("test"))
    if not isinstance(prompt, str) or not isinstance(entry, str) or not isinstance(test, str):
        fields = "config.provided_data"
        raise _misfit(fields, "has no text in prompt, entry_point or test", sorted(row))
    completion, whole = request.completion, False
    if not request.options.is_freeform and _FENCE not in completion:
        completion, whole = f"{prompt}\n{_continued(completion)}", True
    reference = {"prompt": prompt, "entry_point": entry, "test": test}
    return _python(completion, reference, whole_text=whole)


def _auto_eval(request: SubmitRequest) -> _Asked:
    language = _labels(request.row).get("programming_language", _PYTHON)
    if language != _PYTHON:
        raise _not_offered(f"AutoEvalDataset is offered for python, not for {str(language)[:40]!r}")
    return _python(request.completion, {"test": _decoded(request.row, "test")})


def _mbpp(request: SubmitRequest) -> _Asked:
    setup = _labels(request.row).get("test_setup_code") or ""
    tests = _decoded(request.row, "test")
    listed = [tests] if isinstance(tests, str) else tests
    return _python(request.completion, {"test_list": listed, "test_setup_code": setup})


def _live_code_bench(request: SubmitRequest) -> _Asked:
    row = request.row
    if "public_test_cases" in row or "private_test_cases" in row:
        return _python(request.completion, dict(row))
    return _python(request.completion, _decoded(row, "test"))


def _python(completion: str, reference: object, *, whole_text: bool = False) -> _Asked:
    params = {"language": _PYTHON, "whole_text": whole_text}
    return _Asked(completion=completion, reference=reference, params=params)


_SHAPES: Mapping[str, Callable[[SubmitRequest], _Asked]] = {
    "CommonOJDataset": _common_oj,
    "HumanEvalDataset": _human_eval,
    "AutoEvalDataset": _auto_eval,
    "MBPPDataset": _mbpp,
    "LiveCodeBenchDataset": _live_code_bench,
}


def answered(request: SubmitRequest, answer: Answer) -> dict[str, Any]:
    """Return what a client is told.

    Raises:
        EdgeRefusalError: there is no verdict, which is not a failed test.
    """
    if answer.score is None:
        detail = f"{answer.reason}: {answer.detail}"
        raise EdgeRefusalError("no_verdict", detail, headers={"Retry-After": "1"})
    record = records.read(answer.record)
    tests = [] if record is None else _tests(request, record)
    return {
        "id": request.id,
        "accepted": answer.score >= 1.0,
        "extracted_code": "" if record is None else record.source,
        "full_code": None,
        "test_code": None,
        "tests": tests,
        "extracted_type": "empty" if record is None else "fenced",
        "extra": None,
    }


def _tests(request: SubmitRequest, record: records.Record) -> list[dict[str, Any]]:
    if record.build.failed:
        failed = records.told(record, None)
        return [{"passed": False, "exec_info": failed, "test_info": _info(request, 0)}]
    return [
        {
            "passed": test.passed is True,
            "exec_info": records.told(record, test),
            "test_info": _info(request, test.number),
        }
        for test in record.tests
    ]


def _info(request: SubmitRequest, number: int) -> dict[str, Any] | None:
    """Return a test as it came, its texts cut unless they are wanted whole."""
    cases = _cases(request.row.get("test"))
    if number >= len(cases):
        return None
    case = cases[number]
    if not isinstance(case, Mapping):
        return None
    whole = request.options.return_full_case
    held = cast("Mapping[str, object]", case)
    return {name: value if whole else _cut(value) for name, value in held.items()}


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"{value[:_SHOWN_CHARACTERS]}..."
    if isinstance(value, Mapping):
        held = cast("Mapping[str, object]", value)
        return {name: _cut(inner) for name, inner in held.items()}
    return value


def _cases(tests: object) -> Sequence[object]:
    """Return the tests of a row where they are a list, else none."""
    if isinstance(tests, str):
        try:
            tests = json.loads(tests)
        except (ValueError, RecursionError):
            return []
    return cast("list[object]", tests) if isinstance(tests, list) else []


def _labels(row: Mapping[str, Any]) -> Mapping[str, Any]:
    labels = _decoded(row, "labels") if row.get("labels") else None
    return cast("Mapping[str, Any]", labels) if isinstance(labels, Mapping) else {}


def _decoded(row: Mapping[str, Any], name: str) -> object:
    """Return a field of a row, which may be JSON text.

    Raises:
        RequestRefusedError: it is missing.
    """
    value: object = row.get(name)
    if value is None:
        raise _misfit(f"config.provided_data.{name}", "is missing", None)
    if not isinstance(value, str):
        return value
    try:
        return cast("object", json.loads(value))
    except (ValueError, RecursionError):
        return value


def _unwrapped(test: object) -> object:
    """Return the code of a test that may be {"code": ...}, or JSON text of that."""
    if isinstance(test, str) and test.lstrip().startswith("{"):
        try:
            test = json.loads(test)
        except (ValueError, RecursionError):
            return test
    return cast("Mapping[str, object]", test).get("code") if isinstance(test, Mapping) else test


def _continued(completion: str) -> str:
    """Return what belongs to the function that a prompt began: up to the first other line."""
    lines = completion.split("\n")
    for number, line in enumerate(lines):
        if number and line and not line[0].isspace():
            return "\n".join(lines[:number])
    return completion


def _misfit(field: str, message: str, value: object) -> RequestRefusedError:
    error = FieldError(field=field, message=message, value="" if value is None else shown(value))
    return RequestRefusedError("invalid_request", f"{field} {message}", [error])


def _not_offered(detail: str) -> EdgeRefusalError:
    return EdgeRefusalError("unsupported_dataset", detail)
