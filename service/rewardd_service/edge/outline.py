"""Refuse a body by its outline, before pydantic collects an error for each of a million items.

pydantic reports all that it finds: eight MiB of `[1, 1, 1, ...]` where messages should stand cost
it a minute and five GB. Here every place where a request may repeat itself is bounded first, and
samples fail at the first that is wrong; so what is left to report is short.
"""

from collections.abc import Iterable
from typing import NoReturn, cast

from rewardd_client.schema import FieldError
from rewardd_service.edge.field_errors import shown
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.errors import RequestRefusedError

# No object of the wire has half as many fields.
_MAX_FIELDS = 64
# Messages of one text, with the parts of their contents.
_MAX_MESSAGES = 16_384
# All values in one recipe, its terms' parameters included.
_MAX_RECIPE_VALUES = 65_536

# What others down the way can read: pydantic ends at 255.
_MAX_DEPTH = 250
_NESTING = (dict, list)

_JSON_KINDS = (str, int, float, bool, type(None))


def check_outline(plain: object, max_samples: int) -> None:
    """Check the lengths in a request of plain values; its types are pydantic's business.

    Raises:
        EdgeRefusalError: too many samples.
        RequestRefusedError: too much of something else.
    """
    if not isinstance(plain, dict):
        return
    request = cast("dict[object, object]", plain)
    _check_fields(request, "body")
    _check_recipe(request.get("reward"), "reward")
    samples = request.get("samples")
    if not isinstance(samples, list):
        return
    entries = cast("list[object]", samples)
    if len(entries) > max_samples:
        detail = f"{len(entries)} samples are more than the {max_samples} of one request"
        raise EdgeRefusalError("too_many_samples", detail)
    _check_depth(request.get("references"))
    for index, sample in enumerate(entries):
        if isinstance(sample, dict):
            _check_sample(cast("dict[object, object]", sample), index)


def check_kinds(plain: object) -> None:
    """Refuse what JSON cannot say: binary, times, extensions, keys that are no text.

    Only references and metadata are looked at: what else is wrong, pydantic tells in few words.

    Raises:
        RequestRefusedError: names the first such value only, as there may be millions.
    """
    if not isinstance(plain, dict):
        return
    request = cast("dict[object, object]", plain)
    _check_json(request.get("references"), "references")
    samples = request.get("samples")
    if not isinstance(samples, list):
        return
    for index, sample in enumerate(cast("list[object]", samples)):
        if isinstance(sample, dict):
            fields = cast("dict[object, object]", sample)
            for name in ("reference", "metadata"):
                value = fields.get(name)
                if value is not None and not isinstance(value, str):
                    _check_json(value, f"samples[{index}].{name}")


def _check_json(plain: object, path: str) -> None:
    waiting: list[object] = [plain]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            fields = cast("dict[object, object]", value)
            for key in fields:
                if not isinstance(key, str):
                    _refuse(path, "holds a key that is no text", shown(key))
            waiting.extend(item for item in fields.values() if not isinstance(item, str))
        elif isinstance(value, list):
            items = cast("list[object]", value)
            waiting.extend(item for item in items if not isinstance(item, str))
        elif not isinstance(value, _JSON_KINDS):
            _refuse(path, f"holds a {type(value).__name__}, which JSON cannot say", shown(value))


def _check_sample(sample: dict[object, object], index: int) -> None:
    if len(sample) > _MAX_FIELDS:
        _check_fields(sample, f"samples[{index}]")
    for name in ("completion", "prompt"):
        text = sample.get(name)
        if isinstance(text, list):
            _check_messages(cast("list[object]", text), f"samples[{index}].{name}")
    for name in ("reference", "metadata"):
        value = sample.get(name)
        if isinstance(value, _NESTING):
            _check_depth(cast("object", value))
    if "reward" in sample:
        _check_recipe(sample["reward"], f"samples[{index}].reward")


def _check_depth(plain: object) -> None:
    """Go down level by level: only what holds something is looked at."""
    level: list[object] = [plain]
    for _ in range(_MAX_DEPTH):
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                held: Iterable[object] = cast("dict[object, object]", value).values()
            elif isinstance(value, list):
                held = cast("list[object]", value)
            else:
                continue
            below += [item for item in held if isinstance(item, _NESTING)]
        if not below:
            return
        level = below
    raise EdgeRefusalError("invalid_body", "the body is nested too deep")


def _check_messages(messages: list[object], path: str) -> None:
    count = len(messages)
    for message in messages[:_MAX_MESSAGES]:
        if isinstance(message, dict):
            content = cast("dict[object, object]", message).get("content")
            count += len(cast("list[object]", content)) if isinstance(content, list) else 0
    if count > _MAX_MESSAGES:
        _refuse(path, f"holds more than {_MAX_MESSAGES} messages and parts", "")


def _check_recipe(recipe: object, path: str) -> None:
    if not isinstance(recipe, dict):
        return
    count = 0
    waiting: list[object] = [cast("object", recipe)]
    while waiting:
        value = waiting.pop()
        items: Iterable[object] = ()
        if isinstance(value, dict):
            items = cast("dict[object, object]", value).values()
        elif isinstance(value, list):
            items = cast("list[object]", value)
        else:
            continue
        before = len(waiting)
        waiting.extend(items)
        count += len(waiting) - before
        if count > _MAX_RECIPE_VALUES:
            _refuse(path, f"holds more than {_MAX_RECIPE_VALUES} values", "")


def _check_fields(fields: dict[object, object], path: str) -> None:
    if len(fields) > _MAX_FIELDS:
        _refuse(path, f"has {len(fields)} fields, more than {_MAX_FIELDS}", "")


def _refuse(path: str, message: str, value: str) -> NoReturn:
    field = FieldError(field=path, message=message, value=value)
    raise RequestRefusedError("invalid_request", f"{path} {message}", [field])
