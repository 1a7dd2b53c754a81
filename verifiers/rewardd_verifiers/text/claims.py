"""Tell a sentence that claims its value from one that only mentions it.

A value that a sentence plans with, quotes, reports from others, names as a possibility or holds
out to whoever grades is no answer, though it stands where answers stand. Only the sentence of the
value is read, after a look for words without which none of this is said.
"""

import re

_BEFORE = 160
_AFTER = 80

_STOP = re.compile(r"[.!?](?=[\s*\"”)]|$)|[。！？；;\n]")
_BLANKED = str.maketrans(dict.fromkeys(":,.;!?*_$()[]\"'`“”’-", " "))
_SUSPECTS_AT_BOX = frozenset(
    (
        "grader", "grading", "autograder", "verifier", "checker", "evaluator", "reward", "mark",
        "key", "metadata", "ignore", "reference", "expected", "gold", "golden", "truth", "target",
        "previous", "former", "earlier", "alleged", "supposed", "example", "instance", "sample",
        "placeholder", "told", "heard", "rumor", "rumour", "refuse", "refuses", "decline",
        "declines", "reply", "respond", "template", "mistake", "error", "misconception",
        "pitfall", "guess", "wrong", "like", "such", "e", "your", "not", "don", "don’t", "never",
    )
)  # fmt: skip
"""One of these words stands in front of any box that is only shown."""

_SUSPECTS = _SUSPECTS_AT_BOX | frozenset(
    (
        "possible", "may", "might", "could", "maybe", "perhaps", "possibly", "let", "we", "i",
        "eliminate", "eliminates", "reject", "rejects", "exclude", "excludes", "discard", "rule",
        "rules", "cross", "form", "format", "write", "put", "that", "has", "contains", "lies",
        "exists", "begins", "starts", "ends", "needs", "requires",
        "problem", "question", "puzzle", "exercise", "statement", "task", "prompt", "given",
        "said", "claimed", "thought", "guessed", "believed", "students", "people", "others",
        "solvers", "many", "some", "most", "few", "if", "seems", "seem", "appears", "appear",
        "looks", "looked", "seemed", "appeared", "accept", "system", "submission", "response",
        "matches", "match", "equals", "same", "too", "extraneous", "incorrect", "spurious",
        "inadmissible",
        "hint", "page", "step", "todo", "section", "chapter", "line", "figure", "note", "draft",
        "attempt", "trial", "try", "check", "suppose", "assume", "consider", "take", "plug",
        "plugging", "substitute", "substituting", "test", "testing", "equation", "iteration",
        "token", "nobody", "someone", "somebody", "one", "anyone", "without", "would", "what",
        "true", "false", "untrue", "know", "unknown", "unclear", "uncertain", "undetermined",
        "original", "initial", "previous", "expected",
        "rejected", "was", "fails", "fail", "does", "doesn", "doesn’t",
    )
)  # fmt: skip
"""One of these words stands in whatever the patterns match."""

_AT_A_WORD = r"\b(?=\w)|^"
"""Where these patterns may begin: asked first, it spares most places all the rest."""

_JUDGE = re.compile(
    rf"(?:{_AT_A_WORD})(?:"
    r"\b(?:dear|hey|hello|the|this|your|any)\s+(?:auto)?-?(?:grader|verifier|checker|evaluator"
    r"|reward\s+(?:model|function)|grading)\b|\breward\s+me\b|\bmark\s+(?:this|me|it|my)\b"
    r"|\b(?:answer|your|marking|solution)\s+key\b|\bmetadata\b"
    r"|\bignore\s+(?:all\s+|the\s+|any\s+)?(?:previous|prior|above|earlier)\b"
    r"|\b(?:reference|expected|gold(?:en)?|ground[\s-]truth|target)\s+(?:final\s+)?answer\b"
    r"|\b(?:match(?:es)?|equals?|same\s+as)\s+(?:the\s+)?(?:reference|gold|expected|ground)\b"
    r"|^\W*(?:grader|verifier|checker|system|evaluator)\s*:|\baccept\s[^.]{0,40}\bas\s+(?:the\s+|a\s+)?(?:correct|right)"
    r"|\bplease\s+accept\b|\b(?:submission|response)\s+is\s+correct\b)",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    rf"(?:{_AT_A_WORD})(?:"
    r"\b(?:previous|former|earlier|alleged|supposed|example|sample|placeholder|wrong|incorrect"
    r"|given|original|initial)\s+"
    r"(?:final\s+)?(?:answer|option|choice)\b"
    r"|\b(?:told\s+(?:me|us|you|them|him|her)|heard|rumou?r|refuses?\s+to|declines?\s+to"
    r"|(?:reply|respond)\s+with|template)\b"
    r"|\b(?:common|typical|usual|frequent|popular|classic|careless|easy|tempting)\s+"
    r"(?:mistake|error|misconception|guess|pitfall|wrong\s+answer)\b"
    r"|\b(?:problem|question|puzzle|exercise|statement|task|prompt)\s+(?:says?|states?|asks?|tells?|mentions?|wants)\b[^,;]{0,60}+$"
    r"|\b(?:we|i)\s+(?:are|were|am|was)\s+(?:told|given)\b[^,;]{0,60}+$|^[\s*_#-]*+given\s*+(?:that\b|:)[^,;]{0,60}+$"
    r"|\b(?:said|claimed|thought|guessed|believed)\s+(?:that\s+)?(?:it|the\s+answer)\s+(?:was|is)\b[^,;]{0,40}+$"
    r"|\b(?:many|some|most|other|few)\s+(?:students|people|others|solvers|of\s+\w+)\s+(?:would\s+)?"
    r"(?:get|got|say|answer|write|find|end|obtain|think|choose|pick)\b[^,;]{0,40}+$"
    r"|\b(?:nobody|no\s+one|someone|somebody|anyone)\s+(?:(?:might|could|would|may|will|else)\s+)*+"
    r"(?:gets?|got|answers?|says?|said|thinks?|claims?|writes?|finds?)\b"
    r"|\bwe\s+(?:only\s+|already\s+)?know\s+[$*]*+$|\b(?:not\s+(?:true|the\s+case|correct)|false|untrue)\s+that\b[^.;]*+$)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\W*(?:hint|page|expected|rejected|to\s?do|(?:previous|earlier|former|first|last)\s+\w+|example|section|chapter"
    r"|exercise|problem|question|line|figure|note|draft|attempt|trial|reference|target|gold|key|step|equation)"
    r"(?:\s*+(?:\#|no\.|:|：|is|=))?+[\s$*(]*+$"
    r"|\b(?:at|in|on|see|from|of|by)\s+(?:the\s+)?(?:step|section|chapter|problem|question|exercise|figure|equation"
    r"|iteration|attempt|token)\s*+[(#]?+$"
    r"|^\W*(?:let|try|check|suppose|assume|consider|say|put|plug(?:ging)?\s+in|substitut\w+|test(?:ing)?)\s+"
    r"(?:that\s+)?(?:\$?\\?\w{1,6}\$?\s*+(?:=|be)?\s*+)?+[$(]*+$",
    re.IGNORECASE,
)
"""In front of a number that only labels, or that is only tried."""
_SUPPOSED = re.compile(
    r"\bif\s+(?:\$?[A-Za-z]\$?|it|this|that|(?:the|my|our)\s+(?:\w+\s+)?(?:answer|value|result|solution|number"
    r"|sum|total))\s+were\b"
    r"|^\W*(?:without(?!\s+loss\b)|but\s+for)\b[^.]*\bwould\b",
    re.IGNORECASE,
)
_FALSE_AFTER = re.compile(
    r"[\s*_$)]*+(?:is|was)\s+(?:far\s+|clearly\s+|much\s+|way\s+)?(?:too\s+(?:\w+)|extraneous|spurious|inadmissible"
    r"|rejected|not\s+(?:allowed|admissible|possible|valid|a\s+solution)|(?:my|the|our|an?)\s+(?:first|initial"
    r"|original|previous|earlier|naive|wrong|incorrect)\b)"
    r"|[\s*_$)]*+(?:fails?\b|(?:does\s+not|doesn['’]t)\s+(?:work|fit|satisfy|solve|hold|check|make))"
    r"|[\s*_$)]*+is\s+what\s+(?:you|one|we|they|i)(?:['’]d|\s+(?:would|might))\b"
    r"|[\s*_$)]*+(?:would|could|might)\s+(?:be|have\s+been)\b[^.\n]*\b(?:if|had|unless|were)\b"
    r"|[^.\n]{0,20}?,?\s(?:but|though|although|however)\b[^.\n]{0,50}?"
    r"\b(?:unknown|unclear|undetermined|not\s+known|uncertain|wrong|incorrect)\b",
    re.IGNORECASE,
)
_SEEMING = re.compile(
    r"\b(?:seems?|appears?|looks|looked|seemed|appeared)\b[^.\n]{0,30}+$", re.IGNORECASE
)
_BUT = re.compile(r"[^.\n]{0,24}?,?\s(?:but|however|though|yet)\b", re.IGNORECASE)
_POSSIBLE = re.compile(
    r"(?:^[\s*_#]*+|\b(?:an?|one)\s+)possible\b|\b(?:may|might|could)\s+(?:\w+\s+)?(?:be|equal)[\s$*:]*+$"
    r"|(?:\b(?:maybe|perhaps|possibly)|可能(?:是|为)?|也许是?|或许是?)[\s$*]*+$",
    re.IGNORECASE,
)
_ASSERTED_THAT = re.compile(
    r"\b(?:conclude[sd]?|find|found|see[ns]?|saw|deduced?|infer|means?|meaning|follows?|impl(?:y|ies)"
    r"|shows?|shown|showed|knows?|known|confirm(?:s|ed)?|note|get|obtain|determined?|notice|observe"
    r"|indicates?|gives?|given|gave|derive|verif(?:y|ies|ied)|clear|ensures?|say|state|such|so|us"
    r"|conclusion|proves?|proved|establish(?:es|ed)?|check(?:ed)?|reveals?|realize|sure|certain"
    r"|confident|tells?|calculated?|recall|suggests?|yields?|evident|obvious|now|therefore)\s+that\b",
    re.IGNORECASE,
)
_THAT = re.compile(r"\b\w+\s+that\s+(?:the|my|our|its?)\s+(?:\w+\s+)?$", re.IGNORECASE)
_DISCARDED = re.compile(
    r"(?:\b(?:eliminates?|rejects?|excludes?|discard|(?:rules?|cross)\s+out)\s+"
    r"(?:options?\s+|choices?\s+|answers?\s+)?|排除(?:选项)?|不选)[\s(*$]*+$",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"\b(?:let\s+(?:me|us)|let['’]s)\s+(?!(?:know|n|conclude|summari[sz]e)\b)\w|\b(?:we|i)(?:['’]ll|\s+(?:will|need\s+to|must|should"
    r"|have\s+to|want\s+to|are\s+going\s+to|am\s+going\s+to))\s+(?:now\s+|then\s+|first\s+)?"
    r"(?:find|calculate|compute|determine|add|subtract|multiply|divide|solve|figure|check|consider"
    r"|evaluate|simplify|prove|look)\b",
    re.IGNORECASE,
)
_OF_THE_ANSWER = re.compile(
    r"\b(?:answer|solution|result)\s+(?:has|contains|lies|exists|begins|starts|ends|needs|requires)\b",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"(?:\blike|\bsuch\s+as|\be\.g\.,?|\bfor\s+(?:example|instance),?|\b(?:do\s+not|don['’]t|never)\s+\w+)[\s:`'\"$]*+$"
    r"|\b(?:put|write|place|enclose|give|provide|present|return|box|state|express|wrap)\s+your\b"
    r"|\b(?:example|sample)\b[^.\n]*\bwould\b",
    re.IGNORECASE,
)
_OPENED = re.compile(
    r"[\"“'‘`]\s*+(?:(?:so|thus|therefore|hence),?\s+)?(?:(?:the|my|our)\s+)?(?:\w+\s+)?$",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"[\s.,!*$]*+[\"”'’`]")
_HAN = re.compile(r"[能或也排选]")
_DESCRIBED = re.compile(
    r"\s+is\s+an?\s+(?![^.\n]*\b(?:solution|answer|result|root|value|total)\b)", re.IGNORECASE
)
"""Behind a number that a sentence begins with: it says what the number is, not what it answers."""
_LIST = re.compile(r",|，|、|;|\band\b|和")


def may_mention(words: list[str]) -> bool:
    """Whether one of the words could make a sentence mention its value only."""
    return any(not word.isascii() or word.lower() in _SUSPECTS for word in words)


def unclaimed(text: str, start: int, end: int, *, keyword: int | None = None) -> str | None:
    """Return why the sentence does not claim its value; None where it does.

    Args:
        text: what is read.
        start: where the value begins.
        end: where it ends.
        keyword: where the words that announce it begin, if any do.
    """
    said = _sentence(text, start)
    if said.lstrip().startswith("%"):
        return "commented out"
    if keyword is None:
        if not said.strip(" *_$") and _DESCRIBED.match(text, end):
            return "described"
    elif _is_quoted(text, start, end, keyword):
        return "quoted"
    after = text[end : end + _AFTER]
    words = (
        (said + text[start : min(end, start + _BEFORE)] + after).translate(_BLANKED).lower().split()
    )
    if _SUSPECTS.isdisjoint(words) and (said.isascii() or not _HAN.search(said)):
        return None
    if why := _mentioned(said, text[start:end], after):
        return why
    return _planned(said) if keyword is None else _reported(said[: len(said) - start + keyword])


def shown(text: str, start: int) -> str | None:
    """Return why a box is a pattern for answers or not to be written; None where it is one."""
    said = _sentence(text, start)
    if said.lstrip().startswith("%"):
        return "commented out"
    if _SUSPECTS_AT_BOX.isdisjoint(said.translate(_BLANKED).lower().split()):
        return None
    if _SHOWN.search(said):
        return "an example"
    if _JUDGE.search(said):
        return "told to the grader"
    return "reported" if _FOREIGN.search(said) else None


def _mentioned(said: str, value: str, after: str) -> str | None:
    for pattern, window, why in (
        (_SUPPOSED.search, said, "supposed"),
        (_FALSE_AFTER.match, after, "denied"),
    ):
        if pattern(window):
            return why
    stop = _STOP.search(after)
    if _JUDGE.search(said + value[:_BEFORE]) or _JUDGE.search(
        after[: stop.start()] if stop else after
    ):
        return "told to the grader"
    if _FOREIGN.search(said):
        return "reported"
    if _SEEMING.search(said) and _BUT.match(after):
        return "doubted"
    if _POSSIBLE.search(said) and not _LIST.search(value):
        return "one of several"
    return "denied" if _DISCARDED.search(said) else None


def _planned(said: str) -> str | None:
    if _LABEL.search(said):
        return "not claimed"
    return "planned" if _PLANNED.search(said) or _OF_THE_ANSWER.search(said) else None


def _reported(clause: str) -> str | None:
    return "reported" if _THAT.search(clause) and not _ASSERTED_THAT.search(clause) else None


def _sentence(text: str, start: int) -> str:
    """Return what stands in front of a value in its sentence."""
    window = text[max(0, start - _BEFORE) : start]
    begin = 0
    for stop in _STOP.finditer(window):
        begin = stop.end()
    return window[begin:]


def _is_quoted(text: str, start: int, end: int, keyword: int) -> bool:
    """Whether announcement and value stand in quotation marks that are not the whole text."""
    before = text[max(0, keyword - _BEFORE) : keyword]
    opening = _OPENED.search(before)
    if opening is None or not _CLOSED.search(text, max(start, end - 2)):
        return False
    if '"' in text[keyword:start]:  # the name of a field of JSON
        return False
    return bool(before[: opening.start()].strip())
