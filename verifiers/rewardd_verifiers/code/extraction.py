"""Take the program out of a completion: the last block in the wanted language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rewardd_sandbox.languages import Language, find
from rewardd_verifiers.text import fences, parts

_BYTE_ORDER_MARK = "\ufeff"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", re.ASCII)
_LONGEST_NAME = 200
_GUARD = re.compile(
    r"""^if[ \t]*\(?[ \t]*(?:__name__[ \t]*==[ \t]*(["'])__main__\1|"""
    r"""(["'])__main__\2[ \t]*==[ \t]*__name__)[ \t]*\)?[ \t]*:""",
    re.MULTILINE,
)
MAX_FILES = 64


@dataclass(frozen=True, slots=True)
class Code:
    """A program as the policy gave it: its language, its main source, and its other files."""

    language: Language
    source: str
    files: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is none; `other_language` where blocks were there, all in other languages."""

    detail: str
    other_language: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    tag: str
    name: str
    source: str


def extract(
    completion: str,
    language: Language | None,
    *,
    whole_text: bool = False,
    accept_unclosed: bool = False,
) -> Code | Missing:
    """Return the program; with `language` None the block's tag decides.

    Of the blocks after the thinking, the last one in the language counts, else the last one
    without a tag. Fences that share lines with other text are looked at where the others hold
    nothing in the language. `whole_text` takes everything, for policies that write only code.
    """
    answer = parts.split(completion).answer
    if whole_text:
        if language is None or not answer.strip():
            return Missing("the completion is empty")
        return Code(language, _clean(answer))
    found = fences.find(answer)
    blocks = _blocks(answer, [one for one in found if one.closed or accept_unclosed])
    if not any(_speaks(block.tag, language) for block in blocks):
        loose = _blocks(answer, fences.find_loose(answer))
        if not blocks or any(_speaks(block.tag, language) for block in loose):
            blocks = loose
    if not blocks:
        return Missing("no closed code block behind the thinking")
    return _choose(blocks, language)


def as_module(source: str) -> str:
    """Return Python whose guarded part is left out, as where its functions are imported.

    What stands behind the guard is a demonstration, which would read the tests' input or leave.
    """
    return _GUARD.sub('if __name__ == "":', source)


def _choose(blocks: list[_Block], language: Language | None) -> Code | Missing:
    tagged = [block for block in blocks if _speaks(block.tag, language)]
    files = _consistent({block.name: block.source for block in tagged if block.name})
    unnamed = [block for block in tagged if not block.name]
    plain = [block for block in blocks if not block.tag]
    if unnamed or files:
        chosen = unnamed[-1] if unnamed else _Block(tagged[-1].tag, "", "")
        found = find(chosen.tag)
        if found is not None:
            return Code(found, chosen.source, files)
    if plain and language is not None:
        return Code(language, plain[-1].source)
    tags = ", ".join(sorted({block.tag[:20] for block in blocks if block.tag}))
    wanted = "a known language" if language is None else language.name
    return Missing(f"no block in {wanted}; there are: {tags or 'untagged ones'}", bool(tags))


def _consistent(files: Mapping[str, str]) -> dict[str, str]:
    """Leave out what could not lie beside the rest: a file below a file, or too many of them."""
    folders = {name[:at] for name in files for at, letter in enumerate(name) if letter == "/"}
    kept = [name for name in files if name not in folders]
    return {name: files[name] for name in kept[:MAX_FILES]}


def _speaks(tag: str, language: Language | None) -> bool:
    found = find(tag) if tag else None
    return found is not None and language in (None, found)


def _blocks(text: str, among: Sequence[fences.Fence]) -> list[_Block]:
    found: list[_Block] = []
    for fence in among:
        tag, _, name = _label(text, fence).partition(":")
        source = _clean(_unindent(text, fence))
        if source.strip():
            found.append(_Block(tag.lower(), _safe(name), source))
    return found


def _label(text: str, fence: fences.Fence) -> str:
    """Return the first word behind the opening fence, in its own case: it may name a file."""
    line = text[fence.start : fence.inner_start].strip().lstrip("`~")
    words = line.strip().lstrip("{").rstrip("}").split()
    return words[0].lstrip(".") if words else ""


def _unindent(text: str, fence: fences.Fence) -> str:
    """Take off, from each line, at most what stands before the opening fence."""
    opening = text[fence.start : fence.inner_start]
    width = len(opening) - len(opening.lstrip(" \t"))
    source = fence.read(text)
    if width == 0:
        return source
    lines = source.splitlines(keepends=True)
    return "".join(line[_blanks(line, width) :] for line in lines)


def _blanks(line: str, most: int) -> int:
    count = 0
    while count < most and line[count : count + 1] in (" ", "\t"):
        count += 1
    return count


def _clean(source: str) -> str:
    return source.removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")


def _safe(name: str) -> str:
    """Return a file name that stays below the work directory, else nothing."""
    return name if _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME else ""
