"""Tell an answer that a text stands by from one that it denies, doubts, asks about or takes back.

A policy that names a value without claiming it must not be paid for it. Only the sentence that
holds the answer and the beginning of what follows are read, by patterns that go over a window of
bounded length.
"""

import re

from rewardd_verifiers.text import claims

SEVERAL = "one of several"
"""The answer stands with others, none of which is chosen."""

TAKEN_BACK = "taken back"
_BEFORE = 160
_AFTER = 160
_NEAR = 48
_FEWEST_AFTER = 8
"""Characters behind a box that can say anything about it."""
_FAR = 320

_STOP = re.compile(r"[.!?](?=[\s*\"”)]|$)|[。！？；;\n]")
_SUSPECTS = frozenset(
    (
        "not", "no", "nor", "never", "neither", "nobody", "cannot", "hardly", "whether", "if",
        "unless", "why", "doubt", "doubts", "doubtful", "suppose", "supposing", "assume", "assumes",
        "assuming", "imagine", "pretend", "think", "believe", "guess", "say", "suspect", "argue",
        "claim", "expect", "deny", "denies", "false", "wrong", "incorrect", "untrue", "unlikely",
        "unclear", "unknown", "uncertain", "unsure", "reject", "disagree", "impossible",
        "anything", "everything", "except", "other", "claims", "claimed", "says", "said", "thinks",
        "thought", "believes", "believed", "guesses", "guessed", "trap", "tempting", "naive",
        "naïve", "typical", "common", "popular", "nicht", "pas", "не", "≠", "\\ne",
        "\\neq", "\\not",
    )
)  # fmt: skip
"""One of these words stands in whatever the patterns of doubt match; sets are fast."""

_NEGATING = frozenset(
    (
        "not", "no", "nor", "never", "neither", "cannot", "hardly", "anything", "everything",
        "except", "other", "nicht", "pas", "не", "≠", "\\ne", "\\neq", "\\not",
    )
)  # fmt: skip
"""Of those, the ones without which nothing is negated."""

_LONGEST_NEGATION = 80
"""Characters between a negation and what is negated, fillers only."""

_SUSPECTS_AT_BOX = _SUSPECTS | frozenset(
    (
        "like", "example,", "instance,", "e.g.", "e.g.,", "such", "your", "grader", "verifier",
        "checker", "reward", "reference", "expected", "previous", "template", "%",
    )
)  # fmt: skip
"""With those that stand in front of a box that only shows how an answer looks."""

_SUSPECTS_BEHIND = (
    "wrong", "correct", "right", "false", "possib", "mis", "invalid", "exclud", "eliminat",
    "ruled", "candidate", "not", "n't", "n’t", "may", "perhaps", "unless", "altern", "could",
    "might", "error", "scratch", "never", "kidding", "second", "ignore", "take", "actually",
    "wait", "no,", "sorry", "oops", "else", "none", "whichever", "whatever", "or some", "or other",
    "or another", "unable", "forgot", "overlook", "template", "fill in",
)  # fmt: skip
_WITHDRAWING = frozenset(
    (
        "wrong", "incorrect", "mistaken", "mistake", "not", "error", "scratch", "never",
        "nevermind", "kidding", "second", "ignore", "take", "correction", "actually", "wait",
        "no", "oops", "sorry", "forgot", "forgotten", "overlooked", "misread", "miscounted",
        "miscalculated", "mistook", "misplaced", "misapplied", "can", "cannot",
        "doesn", "isn",
    )
)  # fmt: skip
"""One of these words stands in whatever takes an answer back."""

_WORDS_APART = str.maketrans(dict.fromkeys(":,.;!?*_$()[]{}\"'`“”’‘—–-…/\\", " "))
_AT_A_WORD = r"\b(?=\w)|(?=n['’]t)"
"""Where a pattern of words may begin: asked first, it spares most places all the rest."""

_NOT = r"(?:\b(?:not|never|cannot|can\s?not|hardly|neither|nor)|n['’]t)"
_FRAME = re.compile(
    rf"(?:{_AT_A_WORD})(?:\b(?:whether|if|unless|why|suppos(?:e|ing)|assum(?:e|es|ing)|imagine|pretend)"
    rf"|{_NOT}\s+(?:\w+\s+){{0,2}}(?:true|sure|certain|clear|known?|correct|right|(?:the\s)?case"
    r"|possible|likely|say|said|claim|think|believe|mean|suppose|tell|confirm|conclude|guarantee"
    r"|agree|convinced|prove|see|determine|decide|follow)"
    r"|(?<!\bno\s)(?<!\bwithout\s)(?<!\bwithout\sa\s)(?<!\bwithout\sany\s)\bdoubt(?:s|ful)?"
    r"|\b(?:den(?:y|ies)|false|wrong|incorrect|untrue|unlikely|unclear|unknown|uncertain|unsure"
    r"|reject|disagree|impossible|no\s+(?:idea|way|proof|evidence)|(?:nobody|no\s+one)\s+knows)"
    r"|\b(?:might|may|could)\s+(?:\w+\s+)?(?:think|believe|say|guess|suspect|argue|claim|expect)"
    r"|\b(?:one|you|some|others|people|many|students|they)\s+(?:would\s+|will\s+)?"
    r"(?:say|think|believe|claim|argue|guess)"
    r"|\b(?:claim(?:s|ed)|sa(?:ys|id)|th(?:inks|ought)|believe[sd]|guesse[sd])"
    r"|\b(?:trap|tempting|na[iï]ve|typical|common|popular)"
    r"|\b(?:is|could|can|might)\s+it\s+(?:be\s+)?(?:true|possible|right|correct)?)"
    r"(?:\s+(?:to\s+(?:say|claim|think|assume|conclude)|for\s+(?:sure|certain)|or\s+not))?"
    r"(?:\s+(?:that|whether|if|how|why))?(?:\s+or\s+not)?",
    re.IGNORECASE,
)
_TO_THE_ANSWER = re.compile(
    r"[\s*_\"“]*+(?:(?:the|my|our|your|his|her|its|this|that|it|correct|right|true|final|real"
    r"|answer|result|value|is|be|to|x|are)(?:\b|(?='))[\s*_:：=$\"“(]*+)*+(?:\\[(\[]\s*+)?"
)
"""What may stand between a doubt and what it is about."""
_NEGATED = re.compile(
    rf"(?:{_AT_A_WORD}|(?=[≠\\不并非没]))(?:{_NOT}|\bother\s+than|\b(?:anything|everything|all|any)\s+(?:but|except)|\bexcept"
    r"|≠|\\neq?\b|\\not=|不(?:是|会是|可能是|应该是|等于|为)|并?非|没有|\bnicht|\bpas|\bне|\bno\s+(?:es|é|è))"
    r"\s*+(?:(?:be|equal|to|exactly|simply|just|really|actually|correct|possibly|a|an|the|have|has|had"
    r"|get|gets|need|needs|choose|pick|select|option|choice|answer|have\s+been)\b\s*+)*+"
    r"(?:[*_$:\"“(]|\\[(\[])*+\s*+$",
    re.IGNORECASE,
)
_OPERATED = re.compile(
    r"\b(?:than(?:\s+or\s+equal\s+to)?|minus|plus|times|twice|double|triple|(?:start|end|begin)s?\s+(?:in|with)|contains?"
    r"|used\s+to\s+be|(?:mistake|wrong|error|incorrect)\s+to\s+(?:say|answer|write|pick|conclude)"
    r"|(?:root|square|cube|half|third|quarter|reciprocal|inverse|opposite|negative"
    r"|multiple|factor|divisor|power|logarithm|factorial)\s+of)\s++[$*(]*+$",
    re.IGNORECASE,
)
"""In front of a number that is part of what is said: "one more than 36"."""
_STATED_NO = re.compile(
    r"[\s*_]*+(?:(?:definitely|certainly|surely|clearly|probably|simply|just|most)\s+)*+"
    r"(?:not\b|never\b|no\s(?:longer|more)\b|(?:anything|everything|all)\s(?:but|except)\b"
    r"|neither\b|other\sthan\b|different\sfrom\b|unlike|nicht\b|pas\b|не\b|不是|不)",
    re.IGNORECASE,
)
_CLOSING = r"(?:[\s*_\"”)}$]|\\[)\]])*+"
_DENIED_AFTER = re.compile(
    rf"{_CLOSING}[,;.]?{_CLOSING}(?:—\s*+|[-–]\s++)?(?:(?:but|which|and|though|although|however,?|yet)\s++)*+"
    r"(?:(?:that|this|it|which|the\s(?:answer|value|result))\b\s*+)?"
    r"(?:"
    r"(?:is|was|'s|’s|are|seems|would\s+be|must\s+be|can\s+be|looks)\s++"
    r"(?:(?:also|clearly|obviously|definitely|certainly|surely|therefore|of\s+course|a|an|the|just)\s++)*+"
    r"(?:wrong|incorrect|false|impossible|mistaken|mistake|invalid|excluded|eliminated|ruled\s+out"
    r"|untrue|possible|one\s+possibility|candidate"
    r"|not\s+(?:correct|right|true|so|valid|possible|it|(?:the|my|our)\s+(?:\w+\s+)?answer)|not\s*+[.!])(?!\s+(?:to|for|that|if|unless)\b)"
    r"|(?:is|was)n['’]t\s+(?:correct|right|true|so|valid|possible|it|(?:the|my|our)\s+(?:\w+\s+)?answer)"
    r"|(?:is|was)n['’]t\s*+[.!]"
    r"|can(?:not|['’]t|\snot)\s+be\s+(?:\w+\s+)?(?:right|correct|true|it|the\s+(?:\w+\s+)?answer)"
    r"|(?:でし?ょうか|だろうか|かもしれ|[^\W\da-zA-Z_]?(?:では|じゃ|で)な|[가이은는]\s아니|가\s아닙|이\s아닙|아닙"
    r"|[吗嗎呢]|不对|不正确|不成立|是错)"
    r")",
    re.IGNORECASE,
)
_VALUE = r"(?:[$*(\"“]|\\[(\[])*+[-+−]?(?:\d|\\[a-zA-Z]|[A-Za-z]\s*+=|(?-i:[A-J])(?:[)\s.!*]|$))"
_ALTERNATIVE = re.compile(
    rf"{_CLOSING}[,.;:!?…]*+{_CLOSING}"
    r"(?:(?:[—-]\s*+)?(?:or|otherwise|unless|alternatively|maybe|perhaps|possibly|hmm+|sorry|no|nope"
    r"|correction|rather|(?:it|this|that|the\s+answer)\s+(?:could|might|may|can)(?:\s+(?:also|well|as\s+well))*\s+be"
    r"|i\s+mean|if\s+not)\b[\s,:;…]*+)++"
    r"(?:(?:it|that|this|the\s+answer|maybe|perhaps|else|not)?(?:['’]s|\s+is|\s+could\s+be|\s+might\s+be|\s+be)?\s*+)"
    rf"{_VALUE}[^.!?\n]{{0,24}}+(?:[.!?\n]|$)",
    re.IGNORECASE,
)
_UNLESS = re.compile(
    rf"{_CLOSING}[,;(]?{_CLOSING}(?:unless|or\s+(?:else|none|so\s*+[.!]?\s*+$|some|another|other|any|whichever|whatever|not\b)|if\s+not\b"
    r"|or\s+(?:maybe|perhaps|possibly)\b|but\s+(?:maybe|perhaps|possibly|it\s+(?:could|might|may))"
    r")",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[\s*_$(\[]*+(?:[A-J]|[-+−]?\d(?:[.,/]?\d)*+)(?![A-Za-z\d_])[)\]*_$]*+")
_PAUSE = re.compile(r"[\s*_\"”)}$.,;:!?…—-]*+(?:(?:hmm+|oh|but)[\s,.…]*+)?")
_SPELLED_AGAIN = re.compile(rf"{_CLOSING},?{_CLOSING}or\s++(?:about\s++)?[$*]{{0,2}}+[\d\\.]")
"""A box with "or 0.375" behind it: the box decides."""
_ASKED = re.compile(r"[^.!?\n(。！？]{0,40}+[?？]")
_QUESTION = re.compile(
    r"[\s*_]*+(?:(?:so|but|then|and|hmm),?\s++)*+(?:is|are|was|could|can|would|should|might|may|do|does|did|why"
    r"|what|how|who|which|when|must)\b",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"\b(?:can(?:not|['’]t|\snot)|could(?:n['’]t|\snot)|unable\sto|impossible\sto|fail(?:ed)?\sto)"
    r"\s+(?:\w+\s+){0,1}?(?:solve|answer|determine|give|provide|compute|tell|decide|help)\b"
    r"|\b(?:don['’]t|do\snot)\s+(?:\w+\s+)?know\b|\bno\sidea\b"
    r"|\b(?:not\s|un)sure\s(?:what|how|which|whether|where)\b",
    re.IGNORECASE,
)
"""Words of a text that gives no answer; what number stands beside them is none."""
_TAKEN_BACK = re.compile(
    rf"(?=^|{_AT_A_WORD}|[.!?\n,])(?:(?:^|[.!?\n,]|\b(?:wait|actually|hmm|no|but|oh)\b,?)[\s*]*+(?:that|this|it|the\s+above|my\s+(?:answer|result))"
    r"(?:['’]s|\s+is|\s+was|\s+seems)\s+"
    r"(?:\w+\s+)?(?:wrong|incorrect|mistaken|a\s+mistake|not\s+(?:right|correct|true|the\s+answer))\b"
    r"|\bi\s+(?:was\s+wrong|(?:have\s+|['’]ve\s+)?made\s+an?\s+(?:\w+\s+)?(?:mistake|error))"
    r"|\b(?:scratch\s+that|never\s?mind|just\s+kidding|on\s+second\s+thou?ght|ignore\s+that|i\s+take\s+(?:that|it)\s+back)\b"
    r"|\bcorrection\s*:"
    r"|\b(?:that|this|it)\s+(?:can(?:['’]t|not|\snot)|(?:does|is)(?:n['’]t|\snot))\s+(?:be\s+|seem\s+|look\s+|make\s+)?"
    r"(?:right|correct|sense)\b"
    r"|\bi\s+(?:have\s+|had\s+)?(?:forgot(?:ten)?|overlooked|mis(?:read|counted|calculated|took|placed|applied))\b"
    r"|\b(?:actually|wait|hmm+|oh),?\s+(?:no|not)\b[^\w:]*+(?:$|\n)|\b(?:actually|wait|no|oops|sorry),?\s+(?:no,?\s+)?(?:actually,?\s+)?"
    r"(?:the\s+(?:\w+\s+)?answer\s+(?:is|should\s+be)|it(?:['’]s|\s+is|\s+should\s+be))\s+(?![^.\n]{0,40}\b(?:correct|right|same|indeed|fine)\b))",
    re.IGNORECASE,
)
_RETURN = re.compile(r"\b(?:is|was)\s+(?:indeed|still|in\s+fact|actually)\s+(?:correct|right)\b")


def fault(text: str, start: int, end: int, *, keyword: int | None = None) -> str:
    """Return why the answer is no claim, or none that is stood by; empty where it is one."""
    why = doubt(text, start, end, keyword=keyword)
    return why or claims.unclaimed(text, start, end, keyword=keyword) or ""


def doubt(text: str, start: int, end: int, *, keyword: int | None = None) -> str | None:
    """Return why the answer at `start` to `end` is not stood by, in words; None where it is.

    Args:
        text: what is read.
        start: where the answer begins.
        end: where it ends.
        keyword: where the words that announce it begin, if any do.
    """
    if why := _before(text, start, keyword):
        return why
    if _OPERATED.search(text, max(0, start - _NEAR), start):
        return "not the value itself"
    if keyword is None and _REFUSED.search(text, max(0, start - _BEFORE), end + _AFTER):
        return "refused"
    if keyword is not None and _STATED_NO.match(text, start, end):
        return "denied"
    return _after(text, end, asking=keyword is None or _asks(text, keyword))


def doubt_within(text: str, start: int, end: int) -> str | None:
    """Return why a line that begins with a letter or a number does not stand by it."""
    token = _TOKEN.match(text, start, end)
    if token is None or token.end() == end:
        return None
    after = text[token.end() : min(end, token.end() + _AFTER)]
    if _DENIED_AFTER.match(after):
        return "denied"
    if _UNLESS.match(after) or (after[:1] in {".", ";", "?", "!"} and _ALTERNATIVE.match(after)):
        return SEVERAL
    return TAKEN_BACK if taken_back(text, token.end()) else None


def boxed_doubt(text: str, start: int, end: int) -> str | None:
    """Return why a box from `start` to `end` is not stood by: denied, or taken back behind it."""
    near = text[max(0, start - _NEAR) : start]
    if _is_suspect(near, _SUSPECTS_AT_BOX) and (
        why := _before(text, start, None) or claims.shown(text, start)
    ):
        return why
    after = text[end : end + _FAR]
    if len(after) < _FEWEST_AFTER or after.isspace():
        return None
    return _behind_box(after)


def taken_back(text: str, end: int) -> bool:
    """Return whether what follows at once takes the answer back: "Actually, it is D"."""
    after = text[end : end + _AFTER]
    lead = _PAUSE.match(after)
    return _TAKEN_BACK.match(after, lead.end() if lead else 0) is not None


_PATTERN = re.compile(
    r"\b(?:this|that|it|the\sabove)\s+is\s+(?:just\s+|only\s+|merely\s+)?(?:an?|the)\s+(?:template|example|placeholder|format)"
    r"|\bfill\sin\b",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"\bi\s+(?:can(?:not|['’]t)|could(?:n['’]t|\s+not)|was\s+(?:un|not\s+)able\s+to|failed\s+to)"
    r"\s+(?:\w+\s+)?(?:solve|answer|do|find)\b",
    re.IGNORECASE,
)


def _behind_box(after: str) -> str | None:
    lowered = after.lower()
    for word in _SUSPECTS_BEHIND:
        if word in lowered:
            break
    else:
        return None
    if _DENIED_AFTER.match(after):
        return "denied"
    if (_ALTERNATIVE.match(after) or _UNLESS.match(after)) and not _SPELLED_AGAIN.match(after):
        return SEVERAL
    if _PATTERN.search(after):
        return "an example"
    if _withdraws(after) or ("i " in lowered and _GIVEN_UP.search(after)):
        return TAKEN_BACK
    return None


def _withdraws(after: str) -> bool:
    if _WITHDRAWING.isdisjoint(after.translate(_WORDS_APART).lower().split()):
        return False
    back = _TAKEN_BACK.search(after)
    return back is not None and not _RETURN.search(after, back.start())


def _is_suspect(window: str, suspects: frozenset[str] = _SUSPECTS) -> bool:
    if "n't" in window or "n’t" in window:
        return True
    if not window.isascii() and any(word in window for word in ("不", "非", "没")):
        return True
    return not suspects.isdisjoint(window.lower().split())


def _before(text: str, start: int, keyword: int | None) -> str | None:
    window = text[max(0, start - _BEFORE) : start]
    if not _is_suspect(window):
        return None
    near = max(0, len(window) - _LONGEST_NEGATION)
    if _is_suspect(window, _NEGATING) and _NEGATED.search(window, near):
        return "denied"
    clause = window if keyword is None else text[max(0, keyword - _BEFORE) : keyword]
    clause = clause[_clause_start(clause) :]
    for frame in _FRAME.finditer(clause):
        between = _TO_THE_ANSWER.match(clause, frame.end())
        if between and between.end() == len(clause):
            return "doubted"
    return None


def _clause_start(window: str) -> int:
    start = 0
    for stop in _STOP.finditer(window):
        start = stop.end()
    return start


def withdrawn(text: str, end: int) -> bool:
    """Return whether what follows says somewhere that the answer was wrong."""
    return _withdraws(text[end : end + _FAR])


def _asks(text: str, keyword: int) -> bool:
    """Whether the sentence of the announcement begins as a question does."""
    before = text[max(0, keyword - _BEFORE) : keyword]
    return _QUESTION.match(before, _clause_start(before)) is not None


def _after(text: str, end: int, *, asking: bool) -> str | None:
    after = text[end : end + _AFTER]
    if not after or after.isspace():
        return None
    if _DENIED_AFTER.match(after):
        return "denied"
    if asking and _ASKED.match(after):
        return "asked"
    if _ALTERNATIVE.match(after) or _UNLESS.match(after):
        return SEVERAL
    return None
