"""Pydantic's findings as the wire tells them: the path a client wrote, the trouble, the value."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from pydantic import ValidationError

from rewardd_client.schema import FieldError

MAX_ERRORS = 20
_MAX_VALUE_CHARACTERS = 100
# Beyond this, writing an integer out takes longer than it helps.
_MAX_INTEGER_BITS = 256

Step: TypeAlias = str | int


def field_errors(error: ValidationError, plain: object) -> list[FieldError]:
    """Return up to `MAX_ERRORS` findings, one per field, the deepest where a union has several.

    Args:
        error: what pydantic found.
        plain: the values that it looked at, to tell fields from the names of a union's branches.
    """
    found: dict[tuple[Step, ...], FieldError] = {}
    for line in error.errors(include_url=False, include_context=False)[: 8 * MAX_ERRORS]:
        steps = _steps(line["loc"], plain)
        message = line["msg"].removeprefix("Value error, ")
        known = found.get(steps)
        if known is not None:
            message = (
                known.message if message in known.message else f"{known.message}; or: {message}"
            )
        value = "" if line["type"] == "missing" else shown(line["input"])
        found[steps] = FieldError(field=path_text(steps), message=message, value=value)
    parents = {steps[:length] for steps in found for length in range(len(steps))}
    return [entry for steps, entry in found.items() if steps not in parents][:MAX_ERRORS]


def path_text(steps: Sequence[Step]) -> str:
    """Write a path as `samples[3].reward.terms[0].weight`; "body" for the whole."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")[:256] or "body"


def shown(value: object) -> str:
    """Return a value as a client recognises it, bounded however large it is."""
    if isinstance(value, str | bytes):
        text = repr(value[:_MAX_VALUE_CHARACTERS])
    elif isinstance(value, Mapping):
        text = f"an object of {len(cast('Mapping[object, object]', value))} fields"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(cast('Sequence[object]', value))} items"
    elif isinstance(value, int) and value.bit_length() > _MAX_INTEGER_BITS:
        text = f"an integer of {value.bit_length()} bits"
    else:
        text = repr(value)
    # A lone surrogate cannot be sent back, and is what somebody may want to see.
    return text.encode(errors="backslashreplace").decode()[: _MAX_VALUE_CHARACTERS + 8]


def _steps(location: Sequence[Step], plain: object) -> tuple[Step, ...]:
    """Keep of a location what leads through the values: the rest names branches of unions."""
    steps: list[Step] = []
    here = plain
    for position, step in enumerate(location):
        last = position == len(location) - 1
        if isinstance(here, dict):
            fields = cast("dict[object, object]", here)
            if step not in fields and not (last and isinstance(step, str) and not _is_branch(step)):
                continue
            here = fields.get(step)
        elif isinstance(here, list) and isinstance(step, int):
            items = cast("list[object]", here)
            here = items[step] if step < len(items) else None
        else:
            continue
        steps.append(step)
    return tuple(steps)


def _is_branch(step: str) -> bool:
    return not step.isidentifier() or step in {"str", "list", "dict", "Recipe"}
