"""Find the last line that says something: past farewells, checks of the answer and comments."""

import re

_WINDOW = 4096
_MOST_LINES = 8
"""Lines of farewells and checks that are passed over."""

_LONGEST_CHECK = 3
"""Nonblank lines that a check may have below its heading."""

_MARKS = r"[\s*_>#(]*+"
_FAREWELL = re.compile(
    rf"{_MARKS}(?:let\sme\sknow|feel\sfree|(?:i\s)?hope\s(?:it|this|that|everything)\b|please\s(?:let|feel)\b"
    r"|if\syou\s(?:have|need)\s(?:any|more|further|other|additional)|if\syou(?:'d|’d|\swould)\slike"
    r"|if\syou\swant\s(?:me|more|to|a|another|further)\b|is\sthere\sanything|thank(?:s|\syou)\b|good\sluck"
    r"|happy\s(?:to\shelp|learning|studying|solving)|(?:do\syou\s(?:have|want|need)|would\syou\slike)\b"
    r"|have\sa\s(?:nice|great|good)|you(?:'re|’re|\sare)\swelcome|希望|如有|如果[您你]|祝[您你]|不客气"
    r"|n['’]hésite|j['’]espère|ich\shoffe|espero\sque|si\stienes|надеюсь|если\sу\sвас)",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"(?:\s*+<\|[^|\n]{1,40}+\|>\w{0,16}+)++$")
_POLITE = re.compile(r"(?<=[.!?*$])\s++I\shope\s(?:it|this|that)\b[^.!\n]{0,60}+[.!]?$")
_LONGEST_POLITE = 160
_CHECK = re.compile(
    rf"{_MARKS}(?:[-•✓✔✅]\s*+)?(?:let\s(?:us|me)\s|let['’]s\s|to\s|we\scan\s|you\scan\s|quick\s|sanity\s)?+"
    r"(?:(?:double[- ]?)?check(?:ing)?|verif(?:y|ying|ication)|验证|验算|检验|検算|probe"
    r"|vérification|comprobación|verificación|verificação|verifica|проверка)(?:\s\w{1,12}){0,4}+[\s*_]*+[:：—]",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"\b(?:not|no|wrong|incorrect|fail\w*|but|should|instead|however|contradict\w*|error|mistake|oops|wait)\b"
    r"|n['’]t\b|≠|\\neq?\b|[✗✘❌不错]|\bso\b(?![^.\n]*\b(?:correct|right|holds?|works?|checks?|true|valid)\b)",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(
    r"\b(?:therefore|thus|hence|so|answer|total|result|conclusion|finally|altogether)\b|所以|因此|答|故",
    re.IGNORECASE,
)


def last_line(text: str) -> tuple[int, int] | None:
    """Return where the line stands that answers are sought in; None if there is none.

    What was checked and found wrong is no answer.
    """
    end = _said(text, len(text))
    end = _unchecked(text, end)
    if end <= 0:
        return None
    start = text.rfind("\n", 0, end) + 1
    return max(start, end - _WINDOW), end


def _said(text: str, end: int) -> int:
    """Return where the text ends without farewells, comments and marks of a template."""
    for _ in range(_MOST_LINES):
        end = len(text[:end].rstrip())
        near = max(0, end - _LONGEST_POLITE)
        if mark := _TEMPLATE.search(text, near, end) or _POLITE.search(text, near, end):
            end = mark.start()
            continue
        start = text.rfind("\n", 0, end) + 1
        if not _FAREWELL.match(text, start, end) and not text.startswith("%", start, end):
            break
        end = start
    return end


def _unchecked(text: str, end: int) -> int:
    """Return where the text ends in front of a check; 0 where the check failed."""
    position, passed = end, 0
    while position > 0 and passed <= _LONGEST_CHECK:
        start = text.rfind("\n", 0, position) + 1
        if _CHECK.match(text, start, position):
            if not text[:start].strip():
                return end
            return 0 if _FAILED.search(text, start, end) else _said(text, start)
        if _CONCLUDED.search(text, max(start, position - _LONGEST_POLITE), position):
            return end
        passed += bool(text[start:position].strip())
        position = start - 1
    return end
