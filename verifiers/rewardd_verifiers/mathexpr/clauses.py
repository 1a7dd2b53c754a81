"""Clauses round an answer that declare names or colour it, rewritten to what the parser reads."""

import re

_COLOUR = re.compile(r"\\(?:text)?color\s?(?:\[[a-z]+\])?\{[A-Za-z]+\}")
_SPACE = re.compile(r"\\[hv]space\*?\s?\{[^{}]{0,20}\}")
_EMPTY_SIDE = re.compile(r"\\(?:left|right)\s?\.")
_OPEN_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textrm)\s?\{([^{}\\$]*+)\}")
_NAME = r"\$?(?<![A-Za-z])(?P<name>(?:\\[a-z]+|[A-Za-z])(?:_\{?[A-Za-z0-9]\}?)?)\$?"
_WHOLE_NUMBER = re.compile(
    rf"[\s,;(]*(?:\b(?:where|for|with|and)\s)?\s?(?:any\s|every\s|all\s|each\s)?{_NAME}\s?"
    r"(?:is|be|are|any|an|\s)*\s?(?:arbitrary\s)?\bintegers?\)?[\s.]*$"
)
_WHOLE_FOR = re.compile(
    rf"[\s,;(]*\b(?:where|for|with)\s(?:any|every|all|each|some)?\s?integers?\s{_NAME}\)?[\s.]*$"
)
_BRACKETED = re.compile(
    rf"[\s,;]*\(\s*(?:where\s|for\s)?{_NAME}\s*\\in\s*\\math(?:bb|bf)\s?\{{?\s?Z\s?\}}?\s*\)[\s.]*$"
)
_CONSTANT = re.compile(
    rf"[\s,;(]*\b(?:where|with|for)\s(?:any\s|some\s|every\s)?(?:real\s)?(?:{_NAME}\s(?:is|denotes)\s)?"
    r"(?:a|an|any|some|the)?\s?(?:arbitrary\s|real\s|integration\s)*constants?"
    r"(?:\sof\sintegration)?(?:\s\$?\\?[A-Za-z]{1,2}\$?)?\)?[\s.]*$"
)
_EVERY = re.compile(
    r"[\s,;(]*\bfor\s(?:all|every|any|each)\s(?:real\s)?(?:numbers?\s|values?\sof\s)?\$?[a-z]\$?"
    r"(?:\s*\\in\s*\\mathbb\s?\{?\s?R\s?\}?)?\)?[\s.]*$"
)
_EXCEPT = re.compile(
    r"^\s*all\sreal\s(?:numbers?|values)(?:\sof)?(?:\s\$?[a-z]\$?)?\s"
    r"(?:except|other\sthan|but|excluding)\s(?:for\s)?(?:[a-z]\s?=)?"
)
_WHITE = re.compile(r"\s+")
_PARITY = re.compile(
    r"(?<=[A-Za-z$])(?:\\[ ,;]|\s)*\\text\s?\{\s?(?:is\s)?(even|odd|prime|composite)\s?\.?\}"
)
_DIVIDES = re.compile(r"(?<![\d{\\}])(\d{1,4})\s?\\(n?)mid\s?([a-z])(?![A-Za-z^_])")
_NOT = re.compile(r"\\not\s?(?:\{\s?)?(=|<|>|\\(?:in|equiv|le|leq|ge|geq|eq)(?![A-Za-z]))")
_DENIED = {
    "=": r"\ne ", "<": r"\ge ", ">": r"\le ", r"\in": r"\notin ", r"\equiv": r"\nequiv ",
    r"\le": ">", r"\leq": ">", r"\ge": "<", r"\geq": "<", r"\eq": r"\ne ",
}  # fmt: skip
_KIND = r"(?P<kind>odd|even|prime|composite)"
_KINDLY = re.compile(
    rf"(?:for\s)?(?:all\s|any\s|every\s|each\s)?{_KIND}\s(?:integers?\s|numbers?\s|values?\sof\s)?"
    r"(?P<name>[a-z])"
)
_OF_KIND = re.compile(
    rf"(?:all\s|any\s|every\s)?(?P<name>[a-z])\s(?:is|must\sbe|are|be|such\sthat\s(?P=name)\sis)\s"
    rf"(?:any\s|an?\s)?{_KIND}(?:\sintegers?|\snumbers?)?"
)
_COUNTED = re.compile(
    r"(?:for\s)?(?:all\s|any\s|every\s|each\s)?(?P<half>positive\s|nonnegative\s|non-negative\s)?"
    r"integers?\s(?P<bounds>(?P<name>[a-z])\s?(?:[<>]=?|\\[gl]eq?(?:slant)?(?![a-z]))[^,;=A-Za-z]+)"
)
_HALVES = {"positive": "^+", "nonnegative": r"_{\ge 0}", "non-negative": r"_{\ge 0}"}
_BASE = re.compile(r"_\s?\{\s?\((\d{1,2})\)\s?\}")
_COUNTING = re.compile(
    r"(?<![A-Za-z\\_])(?P<name>[kmnj])\s?=\s?"
    r"(?:(?P<all>0\s?,\s?\\pm\s?1\s?,\s?(?:\\pm\s?2\s?,\s?)?(?:\\pm\s?3\s?,\s?)?)"
    r"|(?P<wholes>0\s?,\s?1\s?,\s?2\s?,\s?(?:3\s?,\s?)?)"
    r"|1\s?,\s?2\s?,\s?(?:3\s?,\s?)?(?:4\s?,\s?)?)\\[lc]?dots\s?(?=[).$}]|\Z)"
)
_MICRO = re.compile(r"\\mu\s?\\(?:text|mathrm)\s?\{\s?|\\(?:text|mathrm)\s?\{\s?\\mu\s?")
_MICRO_PLAIN = re.compile(r"(?<=\d)\s?\\mu\s(?=[mgsLFAVWC](?![A-Za-z]))")
_OHMS = re.compile(r"\\(?:text|mathrm)\s?\{\s?([kMGm])\s?(?:\}\s?\\Omega(?![A-Za-z])|\\Omega\s?\})")
_PRIME = re.compile(r"\^\s?\{\s?((?:\\prime\s?)+)\}")
_FOR_ALL = re.compile(
    r"(?:\\q?quad|\\[ ,;]|[\s,;(])*\\forall\s*[a-z]\s*"
    r"(?:\\in\s*\\mathbb\s?\{?\s?[RZNQ]\s?\}?)?\)?[\s.]*$"
)
_TELLING = ("integer", "constant", " real", "for", "per cent")
_KINDS = ("odd", "even", "prime", "composite", "integer")
_TAIL = 120
"""Characters at the end in which a clause is sought; a clause begins with a run of blanks, so
that the work grows with the square of this number and not with the text."""

_RELATIONS = ("=", "<", ">", r"\le", r"\ge", r"\ne")
_LONGEST = 2000


def settle(text: str) -> str:
    """Return the text with its clauses as formulas: "where k is an integer" is `k in Z`."""
    if "\\" in text:
        text = _commands(text)
    if "=" in text and "ots" in text:
        text = _COUNTING.sub(_counted, text)
    if "_" in text:
        text = _BASE.sub(r"_{\1}", text)
    if "&" in text and "\\begin" not in text and "\\\\" not in text:
        text = text.replace("\\&", "&").replace("&", " and ")
    if len(text) > _LONGEST:
        return text
    if any(word in text for word in _KINDS):
        text = _of_kind(text)
    if any(word in text for word in _TELLING):
        text = _spoken(text.replace("per cent", "percent"))
    return _membership(_BRACKETED, text) if text.rstrip().endswith(")") else text


def _commands(text: str) -> str:
    """Drop colours and empty sides; spell primes, parities, micro and quantifiers in one way."""
    if "." in text:
        text = _EMPTY_SIDE.sub(" ", text)
    if "space" in text:
        text = _SPACE.sub(" ", text)
    if "color" in text:
        text = _COLOUR.sub("", text)
    if "\\text" in text:
        text = _PARITY.sub(r"=\\text{\1}", text)
    if "mid" in text and "\\{" not in text:
        text = _DIVIDES.sub(r"\3 \\\2equiv 0 \\pmod{\1}", text)
    if "prime" in text:
        text = _PRIME.sub(_apostrophes, text)
    if r"\forall" in text and "=" in text:
        text = text[:-_TAIL] + _FOR_ALL.sub("", text[-_TAIL:])
    return _signs(text) if "\\not" in text or "Omega" in text or "\\mu" in text else text


def _counted(found: re.Match[str]) -> str:
    r"""Write `k = 0, \pm 1, \pm 2, \ldots` as `k in Z`."""
    half = "" if found["all"] else r"_{\ge 0}" if found["wholes"] else "^+"
    return rf"{found['name']}\in\mathbb{{Z}}{half}"


def _signs(text: str) -> str:
    """Spell denied relations, and units that begin or end in a Greek letter, in one way."""
    text = _NOT.sub(lambda found: _DENIED[found[1]], text)
    text = _OHMS.sub(r"\\text{ \1ohm}", text)
    if "\\mu" in text:
        text = _MICRO_PLAIN.sub(" u", _MICRO.sub(r"\\text{u", text))
    return text


def _apostrophes(primes: re.Match[str]) -> str:
    return "'" * primes[1].count("prime")


def _of_kind(text: str) -> str:
    """Read "all odd n" as "n is odd", and "all integers n > 3" with its domain behind it."""
    plain = _WHITE.sub(" ", _OPEN_TEXT.sub(r" \1 ", text)).strip(" $.")
    found = _KINDLY.fullmatch(plain) or _OF_KIND.fullmatch(plain)
    if found is not None:
        return rf"{found['name']}=\text{{{found['kind']}}}"
    counted = _COUNTED.fullmatch(plain)
    if counted is None:
        return text
    half = _HALVES.get((counted["half"] or "").strip(), "")
    return rf"{counted['bounds']} , {counted['name']}\in\mathbb{{Z}}{half}"


def _spoken(text: str) -> str:
    plain = _WHITE.sub(" ", _OPEN_TEXT.sub(r" \1 ", text))
    settled = _EXCEPT.sub(r"\\mathbb{R}\\setminus ", plain)
    if settled != plain:
        head, _, rest = settled.partition(r"\setminus ")
        return rf"{head}\setminus\{{{rest.replace(' and ', ', ')}\}}"
    for pattern in (_WHOLE_NUMBER, _WHOLE_FOR):
        settled = _membership(pattern, plain)
        if settled != plain:
            return settled
    head, tail = plain[:-_TAIL], plain[-_TAIL:]
    settled = head + _CONSTANT.sub("", tail)
    if settled == plain and any(sign in plain for sign in _RELATIONS):
        settled = head + _EVERY.sub("", tail)
    return settled if settled != plain and settled.strip() else text


def _membership(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text, max(len(text) - _TAIL, 0))
    if found is None or not text[: found.start()].strip():
        return text
    return rf"{text[: found.start()]} , {found['name']}\in\mathbb{{Z}}"
