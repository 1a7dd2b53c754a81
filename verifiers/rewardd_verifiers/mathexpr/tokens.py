"""Cut a folded text into tokens: LaTeX and plain text by the same rules, in one pass."""

import re
from typing import NamedTuple

from rewardd_verifiers.mathexpr import lexicon
from rewardd_verifiers.mathexpr.limits import MAX_TOKENS, LimitError

NUMBER, NAME, WORD, SIGN, COMMAND, END = "number", "name", "word", "sign", "command", "end"


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: NUMBER as written; NAME one letter or a Greek one; WORD a run of letters; SIGN as
            `lexicon.SIGNS` spells it; COMMAND a LaTeX command that takes arguments; END.
        blank: whether white space stands before it.
        upright: whether it was set as text or as a roman letter.
        raw: as written, where `text` is another spelling.
    """

    kind: str
    text: str
    blank: bool = False
    upright: bool = False
    raw: str = ""


_LAST = Token(END, "")

_REPEATING = (
    r"\d*\.\d*(?:\\overline\s?(?:\{\s?\d+\s?\}|\d)|\\bar\s?(?:\{\s?\d+\s?\}|\d)|\(\d+\)(?![\d^])"
    r"|\\dot\s?(?:\{\d\}|\d)(?:\d*\\dot\s?(?:\{\d\}|\d))?)"
)
_GROUPED = (
    r"[1-9]\d{0,2}(?:(?:\s?\{,\s?\}\s?\d{3}(?!\d))++|(?:,\\!\s?\d{3}(?!\d))++"
    r"|(?:\\,\d{3}(?!\d))++|(?:,\d{3}(?!\d))++(?!,\d)|(?:[ ~]\d{3}(?!\d|\s?/))++)"
    r"(?:\.\d+)?"
)
_PLAIN = r"(?:\d++(?:\.\d++|\.(?![\d.(\\]))?|\.\d++)(?:[eE][+-]?\d++(?![\d.]))?"

_LEXEME = re.compile(
    rf"(?:\s|~)++|(?=[\d.])(?:{_REPEATING}|{_GROUPED}|{_PLAIN})|\\(?:[A-Za-z]++|.)|[^\W\d_]++"
    r"|<=>|<=|>=|!=|=<|==|=>|->|\*\*|\.\.\.?+|''|.",
    re.DOTALL,
)
_SIGN_ALIASES = {"==": "=", "**": "^", "..": "...", "=<": "<=", "''": "''", '"': "''", "÷": "/"}
_FIRST_IDEOGRAPH = "一"
_SKIPPED = frozenset({"$", "`"})
_BOLD = frozenset({"mathbf", "boldsymbol", "bm", "bold"})


def cut(text: str) -> list[Token]:
    """Return the tokens of a folded text, ending in END.

    Raises:
        LimitError: there are too many.
    """
    return _Cutter().run(text)


class _Cutter:
    """The state of one pass: what came before, and which braces belong to upright text.

    In the plain state, with no upright text and no bold face open, most lexemes are always the
    same token: those are looked up. All else, and all else alone, is taken apart.
    """

    def __init__(self) -> None:
        self.found: list[Token] = []
        self._blank = False
        self._upright = 0
        self._pending_upright = False
        self._bold = False
        self._braces: list[bool] = []  # braces opened since upright text began: do they end it?

    def run(self, text: str) -> list[Token]:
        found, known = self.found, _TIGHT
        for lexeme in _LEXEME.findall(text):
            token = known.get(lexeme)
            if token is not None:
                found.append(token)
                self._blank, known = False, _TIGHT
                continue
            self.take(lexeme)
            known = _SPACED if self._blank else _TIGHT
            if self._upright or self._bold or self._pending_upright:
                known = _NONE
        if len(found) > MAX_TOKENS:
            raise LimitError(f"more than {MAX_TOKENS} tokens")
        if "," in text:
            found = _split_tight_commas(found)
        return [*found, _LAST]

    def take(self, lexeme: str) -> None:
        """Take one lexeme apart; its first character tells its kind."""
        first = lexeme[0]
        if first.isspace() or first == "~":
            self._blank = True
        elif self._pending_upright and lexeme != "{":
            self._pending_upright = False
            self._take_letter(lexeme)
        elif first.isdecimal() or (first == "." and lexeme.strip(".")):
            self._add(NUMBER, lexeme)
        elif first == "\\" and len(lexeme) > 1:
            self._take_command(lexeme[1:])
        elif first.isalnum():
            self._take_word(lexeme)
        else:
            self._take_sign(lexeme)

    def _add(self, kind: str, text: str, raw: str = "") -> None:
        if self._bold:
            raw, self._bold = raw or "bold" * (kind == NAME), False
        self.found.append(Token(kind, text, self._blank, self._upright > 0, raw))
        self._blank = False

    def _take_letter(self, lexeme: str) -> None:
        r"""Take `\mathrm x`, a command for upright text whose argument has no braces."""
        if len(lexeme) > 1 and lexeme[0].isalnum() and not lexeme[0].isdecimal():
            self._upright += 1
            self._take_word(lexeme[0])
            self._upright -= 1
            self._take_word(lexeme[1:])
        else:
            self.take(lexeme)

    def _take_word(self, word: str) -> None:
        if word in lexicon.SPOKEN and len(word) > 1:
            self._add(SIGN, lexicon.SPOKEN[word], word)
        elif self._upright or len(word) > 1 or word >= _FIRST_IDEOGRAPH:
            self._add(WORD, word)
        else:
            self._add(NAME, word)

    def _take_command(self, name: str) -> None:
        if name in lexicon.SIGNS:
            self._add(SIGN, lexicon.SIGNS[name])
        elif name in lexicon.BLANKS:
            self._blank = True
        elif name in lexicon.FONTS:
            self._bold = name in _BOLD
        elif name in lexicon.SILENT or name == "!":
            pass
        elif name in lexicon.TEXT:
            self._pending_upright = True
        elif name in lexicon.GREEK:
            self._add(NAME, name)
        else:
            self._add(COMMAND, name)

    def _take_sign(self, sign: str) -> None:
        if sign == "{":
            self._braces.append(self._pending_upright)
            if self._pending_upright:
                self._upright += 1
                self._pending_upright = False
                return
        elif sign == "}" and self._braces and self._braces.pop():
            self._upright -= 1
            return
        if sign not in _SKIPPED:
            bold = self._bold
            self._add(SIGN, _SIGN_ALIASES.get(sign, sign))
            self._bold = bold and sign == "{"


def _split_tight_commas(found: list[Token]) -> list[Token]:
    r"""Read `(1,234)` as a pair: within brackets a tight comma separates.

    Unless commas with blanks behind them do: in `(1,234, 5)` the tight one groups digits.
    """
    if not any(token.kind == NUMBER and "," in token.text for token in found):
        return found
    loose = _levels_with_loose_commas(found)
    result: list[Token] = []
    for index, token in enumerate(found):
        level = loose.get(index)
        if level is False and "{" not in token.text and "\\" not in token.text:
            for place, part in enumerate(token.text.split(",")):
                if place:
                    result.append(Token(SIGN, ","))
                result.append(Token(NUMBER, part, token.blank and not place))
        else:
            result.append(token)
    return result


def _levels_with_loose_commas(found: list[Token]) -> dict[int, bool]:
    """For each grouped number within brackets: does a comma of its level have a blank behind?"""
    stack: list[tuple[bool, list[int]]] = [(True, [])]
    verdicts: dict[int, bool] = {}
    for index, token in enumerate(found):
        if token.text in {"(", "[", "\\{", "⟨"}:
            stack.append((False, []))
        elif token.text in {")", "]", "\\}", "⟩"} and len(stack) > 1:
            loose, members = stack.pop()
            verdicts.update(dict.fromkeys(members, loose))
        elif token.kind == NUMBER and "," in token.text and len(stack) > 1:
            stack[-1][1].append(index)
        elif token.text == "," and index + 1 < len(found) and found[index + 1].blank:
            stack[-1] = (True, stack[-1][1])
    return verdicts


def _lookup(*, blank: bool) -> dict[str, Token]:
    """Return the tokens that the commonest lexemes are in the plain state."""
    commands = lexicon.SIGNS.keys() | lexicon.GREEK | lexicon.FUNCTIONS | lexicon.STRUCTURES
    lexemes = [
        *lexicon.LETTERS,
        *lexicon.SPOKEN,
        *(f"\\{name}" for name in commands),
        *map(str, range(_SMALL)),
        *"+-*/=<>^_(){}[]|,;:.!%&'",
        *("<=", ">=", "!=", "...", "''"),
    ]
    cutter = _Cutter()
    for lexeme in lexemes:
        if blank:
            cutter.take(" ")
        cutter.take(lexeme)
    return dict(zip(lexemes, cutter.found, strict=True))


_SMALL = 100
_TIGHT = _lookup(blank=False)
_SPACED = _lookup(blank=True)
_NONE: dict[str, Token] = {}
