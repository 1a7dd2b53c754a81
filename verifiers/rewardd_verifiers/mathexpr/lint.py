"""What is wrong with a gold, before a run is spent on it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rewardd_verifiers.mathexpr import normalise
from rewardd_verifiers.mathexpr.choices import gold_letters
from rewardd_verifiers.mathexpr.grader import Golds, Grader, InvalidGoldError
from rewardd_verifiers.mathexpr.outcome import Outcome
from rewardd_verifiers.mathexpr.policy import DEFAULT, Policy
from rewardd_verifiers.mathexpr.read import Expression
from rewardd_verifiers.mathexpr.scalars import clock_seconds
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Date,
    Group,
    Number,
    Operation,
    Ratio,
    Text,
    Tree,
    walk,
)

_DOLLAR = re.compile(r"(?<!\\)\$")
_DECIMALS = re.compile(r"(?<![\d.])\d++\.\d{1,2}(?!\d)")
_COMMA = re.compile(r"(?<![\d,])\d{1,3},\d{1,2}(?![\d,])")
_ANSWERS = re.compile(r"\bor\b|\\text\s?\{\s?or\s?\}")
_LONGEST_WORDS = 4
_LARGE = re.compile(r"[1-9]\d{4,15}")
_SUMS = frozenset({"sum", "prod"})
_UNWORKED = frozenset({"int", "iint", "iiint", "oint", "lim", "limsup", "liminf"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a gold.

    Attributes:
        level: `refused`: nothing is scored against it; `warned`: look at it.
        code: stable, for programs; detail and mend are for people.
    """

    level: Literal["refused", "warned"]
    code: str
    detail: str
    mend: str


def lint_gold(gold: str, policy: Policy = DEFAULT) -> list[Finding]:
    """Return what is wrong with a gold, the worst first; an empty list for a sound one."""
    grader = Grader(policy)
    try:
        (expression,) = grader.read_golds(Golds((gold,)))
    except InvalidGoldError as error:
        return [Finding("refused", _refusal(str(error)), str(error), "write it as one formula")]
    findings = [*_spelling(gold, expression), *_kinds(gold, expression.tree)]
    findings.extend(_unequal_to_itself(gold, grader))
    return findings


def respellings(gold: str) -> list[str]:
    r"""Return spellings that must match the gold: blanks, `\left`, `\dfrac`, `$`, groups."""
    changes = (
        f"${gold.strip().strip('$')}$" if "$" not in gold.strip().strip("$") else gold,
        gold.replace(r"\frac", r"\dfrac"),
        gold.replace("(", r"\left(").replace(")", r"\right)") if "\\left" not in gold else gold,
        gold.replace("+", " + ").replace("=", " = "),
        f"{int(gold):,}" if _LARGE.fullmatch(gold) else gold,
    )
    return [changed for changed in dict.fromkeys(changes) if changed != gold]


def _refusal(message: str) -> str:
    for word in ("empty", "limits", "undefined"):
        if word in message:
            return f"gold_{word}"
    return "gold_unreadable"


def _spelling(gold: str, expression: Expression) -> Iterator[Finding]:
    for repair in expression.repairs:
        eaten = "eaten" in repair
        code = "escapes_eaten" if eaten else "repaired"
        yield Finding("warned", code, repair, "escape backslashes" if eaten else "complete it")
    if len(_DOLLAR.findall(gold)) % 2:
        yield Finding("warned", "odd_dollars", "an odd number of $", r"write \$ for money")
    if normalise.clean(gold) != gold and not gold.isprintable():
        yield Finding("warned", "control_characters", "characters that cannot be seen", "drop them")


def _kinds(gold: str, tree: Tree) -> Iterator[Finding]:
    bare = gold.strip(" $-")
    if isinstance(tree, Text):
        if len(tree.words.split()) > _LONGEST_WORDS:
            yield Finding("warned", "prose", "matched word for word", "give the value alone")
    elif any(isinstance(node, Text) for node in walk(tree)):
        yield Finding("warned", "prose_around", "words around the answer", "give the value alone")
    if isinstance(tree, Group) and _ANSWERS.search(gold) and gold_letters(gold) is None:
        detail = 'joined by "or": all are asked for'
        yield Finding("warned", "several_answers", detail, "give a list of golds if any will do")
    if _DECIMALS.fullmatch(bare) and _is_rounded(tree):
        detail = "one or two decimals: an exact answer will not match if this was rounded"
        yield Finding("warned", "few_decimals", detail, "give the exact value")
    if _COMMA.fullmatch(bare):
        yield Finding("warned", "ambiguous_comma", "a list or a decimal", "set `decimal_comma`")
    if any(_is_unworked(node) for node in walk(tree)):
        detail = (
            "an integral, a limit or a sum without end: only SymPy may match it, nothing refuses"
        )
        yield Finding("warned", "unworked", detail, "give the value")
    yield from _calendar(tree)


def _is_unworked(node: Tree) -> bool:
    if not isinstance(node, Call):
        return False
    return node.name in _UNWORKED or (node.name in _SUMS and Constant("infinity") in node.args)


def _is_rounded(tree: Tree) -> bool:
    inner = tree.args[0] if isinstance(tree, Operation) else tree
    return isinstance(inner, Number) and inner.value.denominator != 1


def _calendar(tree: Tree) -> Iterator[Finding]:
    if isinstance(tree, Date) and tree.vague:
        yield Finding("warned", "ambiguous_date", "day and month may be swapped", "spell the month")
    if isinstance(tree, Ratio) and clock_seconds(tree) is not None:
        yield Finding("warned", "ambiguous_colon", "a ratio or a time of day", "set `colon`")


def _unequal_to_itself(gold: str, grader: Grader) -> Iterator[Finding]:
    for spelling in respellings(gold):
        outcome = _outcome(gold, spelling, grader)
        if not outcome.equal:
            cause = outcome.difference or "no match"
            detail = f"does not match its respelling {spelling[:80]!r}: {cause}"
            yield Finding("warned", "unequal_to_itself", detail, "write it more plainly")
            return


def _outcome(gold: str, answer: str, grader: Grader) -> Outcome:
    return grader.grade(Golds((gold,)), answer).outcome
