"""Tell languages of one script apart with py3langid, which is an extra: `[language]`.

It is imported here and nowhere else, and by name when a verifier asks for it: installations whose
recipes need no detector do without it and without numpy, and no import of this package loads
its model.
"""

import copy
import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Protocol, cast

from rewardd_verifiers.errors import MissingExtraError

_MODULE = "py3langid.langid"
_NO_FEATURE = -1e37
"""Scores below say that the model knows nothing of a text."""

_SWITCH = 4.0
"""What changing the language between two words costs, in the model's log-probability.

Of 1 to 14 tried on mixtures of six pairs, 4 to 8 leave whole sentences whole and find switches
within them to .01 of the share; a sentence judged as a whole is wrong by .09 to .36 there.
"""
_CACHED_WORDS = 65_536
_DECIMALS = 2
"""Of scores: sums of single floats differ between machines in the last digits."""


class _Identifier(Protocol):
    """What is used of `py3langid.langid.LanguageIdentifier`."""

    nb_classes: list[str]
    nb_pc: Sequence[float]

    def set_languages(self, langs: Sequence[str]) -> None: ...

    def classify(self, instance: str) -> tuple[str, float]: ...

    def rank(self, text: str) -> list[tuple[str, float]]: ...


class _IdentifierType(Protocol):
    def from_model_file(self, model_file: str) -> _Identifier: ...


class _Module(Protocol):
    LanguageIdentifier: _IdentifierType
    MODEL_FILE: str


def require() -> None:
    """Load the model, so that the first sample does not wait for it.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    _load()


def forget() -> None:
    """Drop what was loaded and computed; the next question loads it again."""
    for cached in (_load, _restricted, _word_lead):
        cached.cache_clear()


def classify(words: Sequence[str], languages: tuple[str, ...]) -> str | None:
    """Return which of `languages` the words are in, all of them; None if the model cannot tell.

    Raises:
        MissingExtraError: the extra is not installed.
        ValueError: the model does not know one of `languages`.
    """
    language, score = _restricted(languages).classify(" ".join(words))
    return language if score > _NO_FEATURE else None


def strongest(words: Sequence[str], languages: tuple[str, ...]) -> tuple[str, str]:
    """Return the two of `languages` that explain the words best, in the order of their names.

    Raises:
        MissingExtraError, ValueError: as `classify`.
    """
    if len(languages) == 2:  # noqa: PLR2004  of two, the two
        return languages[0], languages[1]
    (first, _), (second, _), *_ = _restricted(languages).rank(" ".join(words))
    return (first, second) if first < second else (second, first)


def follow(words: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """Return the language of each word: the likeliest path, on which each switch has its price.

    A single borrowed word does not leave the language around it, a clause of another does.

    Raises:
        MissingExtraError, ValueError: as `classify`.
    """
    lead = 0.0  # of the first language over the second, on the best paths that end in each
    leads: list[float] = []
    for word in words:
        leads.append(lead)
        kept = -_SWITCH if lead < -_SWITCH else min(lead, _SWITCH)
        lead = kept + _word_lead(word, pair)
    first = lead >= 0.0
    path: list[str] = []
    for before in reversed(leads):
        path.append(pair[0] if first else pair[1])
        first = before >= (-_SWITCH if first else _SWITCH)
    return path[::-1]


@lru_cache(_CACHED_WORDS)
def _word_lead(word: str, pair: tuple[str, str]) -> float:
    """Return how much better the first language explains one word, without priors."""
    identifier = _restricted(pair)
    scores = dict(identifier.rank(f" {word} "))
    if max(scores.values()) < _NO_FEATURE:
        return 0.0
    priors = dict(zip(identifier.nb_classes, map(float, identifier.nb_pc), strict=True))
    first, second = (scores[language] - priors[language] for language in pair)
    return round(first - second, _DECIMALS)


@cache
def _load() -> _Identifier:
    if importlib.util.find_spec("py3langid") is None:
        raise MissingExtraError(
            "languages of one script are told apart by py3langid, which is not installed:"
            " pip install 'rewardd-verifiers[language]'"
        )
    module = cast("_Module", importlib.import_module(_MODULE))
    return module.LanguageIdentifier.from_model_file(module.MODEL_FILE)


@cache
def _restricted(languages: tuple[str, ...]) -> _Identifier:
    # A shallow copy shares the big tables; restricting replaces the small ones it uses.
    identifier = copy.copy(_load())
    identifier.set_languages(languages)
    return identifier
