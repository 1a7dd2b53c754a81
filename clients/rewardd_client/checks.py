"""What a first small batch tells before a training run begins. Pure, but for warnings."""

import warnings

from rewardd_client.batch import Batch
from rewardd_client.errors import RequestError
from rewardd_client.metrics import extracted_answer
from rewardd_client.reasons import INVALID_REFERENCE
from rewardd_client.schema import FieldError, Result

# Step 0 is no place to wait minutes for a server that is not there.
CHECK_SECONDS = 30.0

_NOTHING_FOUND = frozenset({"no_answer", "bad_format"})


def check_batch(batch: Batch) -> None:
    """Refuse references that do not fit; warn where nothing was found in any completion.

    Raises:
        RequestError: `invalid_reference`; the errors name each sample.
        Unscored: samples have no verdict for another reason.
    """
    bad = {n: each for n, each in enumerate(batch) if each.reason == INVALID_REFERENCE}
    if bad:
        errors = [
            FieldError(field=f"samples[{place}].reference", message=_detail(result))
            for place, result in bad.items()
        ]
        raise RequestError(
            f"{len(bad)} of {len(batch)} references do not fit, first {errors[0].field}: "
            f"{errors[0].message}",
            code=INVALID_REFERENCE,
            errors=errors,
        )
    batch.require()
    if len(batch) and all(_nothing_found(result) for result in batch):
        warnings.warn(
            f"none of {len(batch)} completions earned anything ({batch.results[0].reason}): is it "
            "the right column, and does the trainer keep the special tokens the recipe looks for?",
            UserWarning,
            stacklevel=3,
        )


def _nothing_found(result: Result) -> bool:
    return result.reason in _NOTHING_FOUND and extracted_answer(result) is None


def _detail(result: Result) -> str:
    found = (term.detail for term in result.terms if term.reason == INVALID_REFERENCE)
    return next(found, "") or INVALID_REFERENCE
