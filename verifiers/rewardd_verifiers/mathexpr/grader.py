"""Rule on an answer under one policy: golds are read once, and pairs are remembered."""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rewardd_verifiers.mathexpr import choices
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.judge import judge
from rewardd_verifiers.mathexpr.limits import LimitError, UnreadableError
from rewardd_verifiers.mathexpr.outcome import EXACT, SAME_TEXT, Outcome, differ
from rewardd_verifiers.mathexpr.policy import Policy
from rewardd_verifiers.mathexpr.prover import Allowance
from rewardd_verifiers.mathexpr.read import Expression, peel, read
from rewardd_verifiers.mathexpr.tree import Group
from rewardd_verifiers.text.excerpt import excerpt

_WHOLE = re.compile(r"-?[1-9]\d{0,15}|0")
_TIERS = {"string": 1, "exact": 1, "proved": 2, "probed": 3, "symbolic": 4}
_REMEMBERED = 4096
"""Pairs; eight hundred responses to a hundred problems held 132 distinct ones."""


_DIFFERENT = differ("the values differ", "exact")
_NOT_A_NUMBER = frozenset({"nan", "<na>"})


class InvalidGoldError(Exception):
    """A gold that nothing can be judged against; the message says why."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an answer came to.

    Attributes:
        kind: `compared`, or why there was nothing to compare.
        gold_index: which of the golds it was compared with last.
        normal_gold, normal_answer: as they were read.
        evidence: what is told of it, with room for where the answer stood; to be copied, never
            changed.
    """

    kind: Literal["compared", "unparseable_answer", "limit_exceeded"]
    outcome: Outcome
    gold_index: int = 0
    normal_gold: str = ""
    normal_answer: str = ""
    repairs: tuple[str, ...] = ()
    evidence: dict[str, object] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Tell the evidence once: a ruling is remembered, and given again."""
        object.__setattr__(self, "evidence", self._told())

    def _told(self) -> dict[str, object]:
        outcome = self.outcome
        told: dict[str, object] = {
            "answer": "",
            "span": [],
            "rule": "",
            "normal_gold": self.normal_gold,
            "normal_answer": self.normal_answer,
            "tier": _TIERS[outcome.strength],
            "strength": outcome.strength,
            "gold_index": self.gold_index,
        }
        if outcome.difference:
            told["difference"] = excerpt(outcome.difference)
        if outcome.switches:
            told["switches"] = sorted(outcome.switches)
        if self.repairs:
            told["repairs"] = list(self.repairs)
        return told


@dataclass(frozen=True, slots=True)
class Golds:
    """What an answer is judged against.

    Attributes:
        texts: one or more golds.
        every: whether the answer must list all of them, rather than be any one.
        options: texts of a multiple choice by letter.
        key: what tells these golds from others; a string alone where it can, as that hashes once.
        letters: whether one of the golds is the letter of a choice.
        whole: the gold's value where it is one whole number in plain digits.
    """

    texts: tuple[str, ...]
    every: bool = False
    options: tuple[tuple[str, str], ...] = ()
    key: Hashable = field(init=False, compare=False)
    letters: bool = field(init=False, compare=False)
    whole: int | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Find out once what is asked of the golds for every answer."""
        texts = self.texts
        alone = len(texts) == 1
        key = texts[0] if alone and not self.options else (texts, self.every, self.options)
        whole = int(texts[0]) if alone and _WHOLE.fullmatch(texts[0]) else None
        letters = whole is None and any(choices.gold_letters(text) is not None for text in texts)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "letters", letters)
        object.__setattr__(self, "whole", whole)


@dataclass(slots=True)
class Grader:
    """Grades answers under one policy; safe to share between threads."""

    policy: Policy
    _rulings: dict[tuple[Hashable, str], Ruling] = field(
        default_factory=dict[tuple[Hashable, str], Ruling]
    )

    def grade(self, golds: Golds, answer: str) -> Ruling:
        """Rule on the text of an answer.

        Raises:
            InvalidGoldError: a gold cannot be judged against.
        """
        asked = golds.key, answer
        known = self._rulings.get(asked)
        if known is not None:
            return known
        ruling = self._plain(golds, answer) or self._rule(golds, answer)
        if len(self._rulings) >= _REMEMBERED:
            self._rulings.clear()
        self._rulings[asked] = ruling
        return ruling

    def _plain(self, golds: Golds, answer: str) -> Ruling | None:
        """Rule on two whole numbers in plain digits, which is most of what there is."""
        gold = golds.whole
        if gold is None or not _WHOLE.fullmatch(answer) or self.policy.tolerant:
            return None
        outcome = SAME_TEXT if gold == int(answer) else _DIFFERENT
        return Ruling("compared", outcome, 0, golds.texts[0], answer)

    def _rule(self, golds: Golds, answer: str) -> Ruling:
        allowance = Allowance()
        expressions = self.read_golds(golds)
        chosen = self._choose(golds, answer)
        if chosen is not None:
            return chosen
        try:
            given = self._read(answer)
        except LimitError as error:
            return Ruling("limit_exceeded", differ(str(error), "exact"))
        except UnreadableError as error:
            return self._unread(expressions, answer, str(error))
        best: Ruling | None = None
        for index, gold in enumerate(expressions):
            outcome = judge(gold, given, self.policy, allowance)
            texts = excerpt(gold.text), excerpt(given.text)
            ruling = Ruling("compared", outcome, index, *texts, given.repairs)
            if outcome.equal:
                return ruling
            if best is None or (outcome.equal is None and best.outcome.equal is False):
                best = ruling
        return best or Ruling("compared", differ("no gold"))

    def _unread(self, golds: list[Expression], answer: str, why: str) -> Ruling:
        """An answer that is no mathematics may still be the gold, letter by letter."""
        text = peel(answer)
        if any(gold.text == text for gold in golds):
            return Ruling("compared", SAME_TEXT, 0, excerpt(text), excerpt(text))
        texts = excerpt(golds[0].text), excerpt(text)
        return Ruling("unparseable_answer", differ(why, "exact"), 0, *texts)

    def read_golds(self, golds: Golds) -> list[Expression]:
        """Return the golds as they are read.

        Raises:
            InvalidGoldError: one of them cannot be judged against.
        """
        if not golds.texts:
            raise InvalidGoldError("there is no gold")
        expressions = [self._read_gold(text) for text in golds.texts]
        if golds.every and len(expressions) > 1:
            joined = Group("", tuple(expression.tree for expression in expressions))
            return [Expression("; ".join(golds.texts), joined)]
        return expressions

    def _read_gold(self, text: str) -> Expression:
        if not text.strip():
            raise InvalidGoldError("the gold is empty")
        if text.strip().lower() in _NOT_A_NUMBER:
            raise InvalidGoldError(f"the gold is {text.strip()!r}, what tables write for nothing")
        try:
            gold = self._read(text)
            rational(gold.tree)
        except LimitError as error:
            raise InvalidGoldError(f"the gold is over the limits: {error}") from error
        except UnreadableError as error:
            raise InvalidGoldError(f"the gold cannot be read: {error}") from error
        except UndefinedError as error:
            raise InvalidGoldError(f"the gold is undefined: {error}") from error
        return gold

    def _read(self, text: str) -> Expression:
        return read(text, decimal_comma=self.policy.decimal_comma)

    def _choose(self, golds: Golds, answer: str) -> Ruling | None:
        """Rule on a multiple choice; None where gold or answer is none."""
        options = dict(golds.options)
        for index, text in enumerate(golds.texts):
            letters = choices.gold_letters(text)
            if letters is None or len(answer) > 2 * len(text) + 400:
                continue
            outcome = self._letters(letters, answer, options)
            if outcome is not None:
                return Ruling("compared", outcome, index, excerpt(text), excerpt(peel(answer)))
        return None

    def _letters(
        self, letters: frozenset[str], answer: str, options: Mapping[str, str]
    ) -> Outcome | None:
        named = choices.answer_letters(answer)
        if named is None:
            return self._option_text(letters, answer, options)
        if not named[0]:
            return differ("hedge: several letters", "exact")
        if named[0] != letters:
            return differ("another letter", "exact")
        beside = named[1]
        if beside and options:
            own = choices.named_option(next(iter(letters)), options)
            if own is not None and not self._says(own, beside):
                return differ("the letter and the text beside it contradict each other", "exact")
        return EXACT

    def _option_text(
        self, letters: frozenset[str], answer: str, options: Mapping[str, str]
    ) -> Outcome | None:
        if not options or len(letters) != 1:
            return None
        equal = {
            name.strip("(). ").upper() for name, text in options.items() if self._says(text, answer)
        }
        if len(equal) != 1:
            return differ("the text of no option, or of several", "exact")
        if letters <= equal:
            return EXACT.by("choices")
        return differ("another option's text", "exact")

    def _says(self, option: str, text: str) -> bool:
        try:
            return bool(judge(self._read(option), self._read(text), self.policy).equal)
        except (LimitError, UnreadableError):
            return peel(option) == peel(text)
