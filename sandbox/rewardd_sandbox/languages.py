"""The table of languages: one entry each; nothing outside it branches on a language's name."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from types import MappingProxyType

_MIB = 1 << 20
# What judges define, so that a program reads its input and not the files of its author's machine.
_JUDGE = ("-DONLINE_JUDGE",)


class MemoryLimit(StrEnum):
    """By what a runtime's memory is limited where there is no cgroup."""

    ADDRESS_SPACE = "as"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to run a language; the first whose programs are all found is taken.

    In `build` and `run` these stand for values: {NAME} for the path of program NAME, {main},
    {stem} (main without its suffix), {out} (the built file), {entry}, {memory_mib}.

    Attributes:
        needs: programs that must be found.
        build: command lines of compilers, in order; the last makes the result.
        run: command line; empty to exec the built file itself.
        built: names of what a build leaves, as patterns; the first is the program.
        version: command line that tells the version.
    """

    needs: tuple[str, ...]
    version: tuple[str, ...]
    build: tuple[tuple[str, ...], ...] = ()
    run: tuple[str, ...] = ()
    built: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How one language is built and run.

    Attributes:
        main: name of the file for a source that comes without one.
        name_main: gives that name from the source instead, where the source decides.
        name_entry: gives from the source what {entry} stands for, where that is not {stem}.
        runner: run by the zygote's own interpreter.
        share_mib: what the runtime takes on top of the limit.
        threads: how many of them the runtime and a program may have.
        processes: whether building or running takes processes of its own.
        proc: whether it needs a /proc, of its own pid namespace.
        environment, build_environment: variables; $HOME stands for the work directory.
        etc: patterns below /etc that the toolchain reads.
        hello: a program that prints "hello".
        precompile: header that is compiled once per set of flags, and how to ask for it.
        caller: file in `inside` that is put behind a program to call its functions.
    """

    name: str
    tags: tuple[str, ...]
    main: str
    hello: str
    variants: tuple[Variant, ...] = ()
    name_main: Callable[[str], str] | None = None
    name_entry: Callable[[str], str] | None = None
    runner: bool = False
    memory: MemoryLimit = MemoryLimit.ADDRESS_SPACE
    share_mib: int = 64
    descriptors: int = 64
    threads: int = 64
    proc: bool = False
    needs_processes: bool = False
    etc: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    build_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    precompile: str | None = None
    caller: str = ""


# Nothing here can fail after it has begun, so a source that never closes takes linear time.
_JAVA_NOISE = re.compile(
    r'//[^\n]*+|/\*.*?(?:\*/|\Z)|""".*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*+"?|'
    r"'(?:\\.|[^'\\\n])*+'?",
    re.DOTALL,
)
_MOST_CLASSES = 200
_TYPE = re.compile(
    r"(?P<public>\bpublic\s+(?:[\w-]+\s+){0,3})?\b(?:class|record|enum|interface)\s+(?P<name>[\w$]+)"
)
_PACKAGE = re.compile(r"^\s*(?:@\w+\s*)?package\s+([\w.$]+)\s*;")
_MAIN_METHOD = re.compile(r"\bvoid\s+main\s*\(")


def _java_main(source: str) -> str:
    """Return the file that Java wants: named as the public class, else as the one with `main`."""
    bare = _JAVA_NOISE.sub(" ", source)
    public = [name for name, public in _java_types(bare).values() if public]
    return f"{public[0] if public else _java_class(bare)}.java"


def _java_entry(source: str) -> str:
    """Return the full name of the class that is started."""
    bare = _JAVA_NOISE.sub(" ", source)
    package = _PACKAGE.match(bare)
    return f"{package[1]}.{_java_class(bare)}" if package else _java_class(bare)


def _java_class(bare: str) -> str:
    """Return the class with `main`: of several the public one, or `Main`, else the first."""
    types = _java_types(bare)
    starts = sorted(types)
    found: list[tuple[bool, bool, str]] = []
    for method in islice(_MAIN_METHOD.finditer(bare), _MOST_CLASSES):
        before = [start for start in starts if start < method.start()]
        if before and _depth(bare, method.start()) == 1 and _is_static(bare, method.start()):
            name, public = types[before[-1]]
            found.append((not public, name != "Main", name))
    if found:
        return min(found, key=lambda one: one[:2])[2]
    return next((name for name, public in types.values() if public), "Main")


def _java_types(bare: str) -> dict[int, tuple[str, bool]]:
    """Return the top-level types by where they begin: the name, and whether it is public."""
    found = islice(_TYPE.finditer(bare), _MOST_CLASSES)
    tops = [one for one in found if _depth(bare, one.start()) == 0]
    return {one.start(): (one["name"], one["public"] is not None) for one in tops}


def _is_static(bare: str, at: int) -> bool:
    begin = max(bare.rfind(mark, 0, at) for mark in "{};")
    return re.search(r"\bstatic\b", bare[begin + 1 : at]) is not None


def _depth(source: str, end: int) -> int:
    return source.count("{", 0, end) - source.count("}", 0, end)


# Every version of the compiler has this; the flags that leave types unchecked are young.
_STRIP_TYPES = """
const fs = require("fs"), path = require("path");
const ts = require(path.join(process.argv[1], "../../lib/typescript.js"));
const options = (module) => ({{target: ts.ScriptTarget.ES2022, module}});
const awaits = (node) => ts.isAwaitExpression(node) ||
  Boolean(ts.isForOfStatement(node) && node.awaitModifier);
const waits = (node) => !ts.isFunctionLike(node) &&
  (awaits(node) || Boolean(ts.forEachChild(node, waits)));
const kind = (name, source) => waits(ts.createSourceFile(name, source, ts.ScriptTarget.ES2022)) ?
  ts.ModuleKind.ES2022 : ts.ModuleKind.CommonJS;
const walk = (place) => fs.readdirSync(place, {{withFileTypes: true}}).flatMap((entry) =>
  entry.isDirectory() ? walk(path.join(place, entry.name)) : path.join(place, entry.name));
for (const name of walk(".").filter((name) => /\\.[mc]?tsx?$/.test(name))) {{
  const source = fs.readFileSync(name, "utf8"), asked = {{reportDiagnostics: true, fileName: name}};
  const compilerOptions = options(kind(name, source));
  const made = ts.transpileModule(source, {{...asked, compilerOptions}});
  for (const problem of made.diagnostics) {{
    console.error(name + ": " + ts.flattenDiagnosticMessageText(problem.messageText, " "));
    process.exitCode = 1;
  }}
  fs.writeFileSync(name.replace(/tsx?$/, "js"), made.outputText);
}}
"""

_ALL = (
    Language(
        name="python",
        tags=("python", "py", "python3", "py3", "pypy", "pypy3", "ipython"),
        main="main.py",
        hello='print("hello")',
        runner=True,
    ),
    Language(
        name="cpp",
        tags=("cpp", "c++", "cc", "cxx", "g++", "gnu++"),
        main="main.cpp",
        hello='#include <iostream>\nint main() { std::cout << "hello\\n"; }',
        precompile="bits/stdc++.h",
        variants=(
            Variant(
                needs=("g++",),
                version=("{g++}", "-dumpfullversion"),
                build=(
                    ("{g++}", "-O2", "-std=gnu++20", *_JUDGE, "-pipe", "{main}", "-o", "{out}"),
                ),
                built=("{stem}.out",),
            ),
        ),
    ),
    Language(
        name="c",
        tags=("c",),
        main="main.c",
        hello='#include <stdio.h>\nint main(void) { puts("hello"); }',
        variants=(
            Variant(
                needs=("gcc",),
                version=("{gcc}", "-dumpfullversion"),
                build=(
                    (
                        "{gcc}", "-O2", "-std=gnu17", *_JUDGE, "-pipe", "{main}", "-o", "{out}",
                        "-lm",
                    ),
                ),
                built=("{stem}.out",),
            ),
        ),
    ),
    Language(
        name="javascript",
        tags=("javascript", "js", "node", "nodejs", "mjs", "cjs"),
        main="main.js",
        hello='console.log("hello")',
        memory=MemoryLimit.DATA,
        share_mib=256,
        descriptors=128,
        environment={"OPENSSL_CONF": "/dev/null"},
        caller="caller.js",
        variants=(
            Variant(needs=("node",), version=("{node}", "--version"), run=("{node}", "{main}")),
        ),
    ),
    Language(
        name="typescript",
        tags=("typescript", "ts"),
        main="main.ts",
        hello='const said: string = "hello"; console.log(said)',
        memory=MemoryLimit.DATA,
        share_mib=384,
        descriptors=128,
        environment={"OPENSSL_CONF": "/dev/null"},
        build_environment={"OPENSSL_CONF": "/dev/null"},
        caller="caller.js",
        variants=(
            Variant(
                needs=("node", "node-strips-types"),
                version=("{node}", "--version"),
                run=("{node}", "--no-warnings", "--experimental-strip-types", "{main}"),
            ),
            Variant(needs=("tsx",), version=("{tsx}", "--version"), run=("{tsx}", "{main}")),
            Variant(needs=("bun",), version=("{bun}", "--version"), run=("{bun}", "{main}")),
            Variant(
                needs=("tsc", "node"),
                version=("{tsc}", "--version"),
                build=(("{node}", "-e", _STRIP_TYPES, "{tsc}"),),
                built=("{stem}.js", "*.js"),
                run=("{node}", "{stem}.js"),
            ),
        ),
    ),
    Language(
        name="java",
        tags=("java",),
        main="Main.java",
        name_main=_java_main,
        name_entry=_java_entry,
        hello='class Main { public static void main(String[] a) { System.out.println("hello"); } }',
        memory=MemoryLimit.DATA,
        share_mib=768,
        descriptors=256,
        proc=True,
        etc=("java*", "alternatives", "jvm*"),
        variants=(
            Variant(
                needs=("javac", "java"),
                version=("{java}", "-version"),
                build=(
                    (
                        "{javac}", "-J-XX:+UseSerialGC", "-J-XX:-UsePerfData", "-J-Xms8m",
                        "-J-XX:TieredStopAtLevel=1",
                        "-encoding", "UTF-8", "-proc:none", "-nowarn", "-d", ".", "{main}",
                    ),
                ),
                built=("*.class",),
                run=(
                    "{java}", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:-CreateCoredumpOnCrash",
                    "-Xms8m", "-XX:ReservedCodeCacheSize=48m", "-XX:CICompilerCount=2",
                    "-XX:ErrorFile=/dev/null", "-XX:TieredStopAtLevel=4", "-Xshare:auto",
                    "-Xss64m", "-Xmx{memory_mib}m", "-Dfile.encoding=UTF-8", "-DONLINE_JUDGE=true",
                    "-cp", ".", "{entry}",
                ),
            ),
        ),
    ),
    Language(
        name="go",
        tags=("go", "golang"),
        main="main.go",
        hello='package main\nimport "fmt"\nfunc main() { fmt.Println("hello") }',
        memory=MemoryLimit.DATA,
        share_mib=256,
        build_environment={
            "CGO_ENABLED": "0", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod",
            "GO111MODULE": "off", "GOCACHE": "$HOME/.cache", "GOPATH": "$HOME/.go",
        },
        variants=(
            Variant(
                needs=("go",),
                version=("{go}", "version"),
                build=(("{go}", "build", "-o", "{out}", "{main}"),),
                built=("{stem}.out",),
            ),
        ),
    ),
    Language(
        name="rust",
        tags=("rust", "rs"),
        main="main.rs",
        hello='fn main() { println!("hello"); }',
        variants=(
            Variant(
                needs=("rustc", "cc"),
                version=("{rustc}", "--version"),
                build=(
                    (
                        "{rustc}", "-O", "--edition", "2021", "-C", "linker={cc}",
                        "-o", "{out}", "{main}",
                    ),
                ),
                built=("{stem}.out",),
            ),
        ),
    ),
    Language(
        name="bash",
        tags=("bash", "sh", "shell"),
        main="main.sh",
        hello="echo hello",
        needs_processes=True,
        proc=True,
        variants=(
            Variant(needs=("bash",), version=("{bash}", "--version"), run=("{bash}", "{main}")),
        ),
    ),
)  # fmt: skip

LANGUAGES: Mapping[str, Language] = MappingProxyType({entry.name: entry for entry in _ALL})
# Two is another language than the Python that runs here.
_TAG = re.compile(
    r"(?:lang(?:uage)?[-=])?(?P<name>(?!py(?:thon)?-?2)[a-z+]{1,20})(?:[-_]?\d[\d.]{0,8})?(?:[,;].*)?"
)
_BY_TAG = {tag: entry for entry in _ALL for tag in entry.tags}


def find(tag: str) -> Language | None:
    """Return the language that a name or a code block's tag stands for; None if there is none.

    A tag may carry a version, as in `c++17`, and what sites add: `language-js`, `python,editable`.
    """
    bare = tag.strip().lower()
    exact = _BY_TAG.get(bare)
    if exact is not None:
        return exact
    found = _TAG.fullmatch(bare)
    return None if found is None else _BY_TAG.get(found["name"])


def main_file(language: Language, source: str) -> str:
    """Return the name under which a lone source file is run."""
    return language.name_main(source) if language.name_main else language.main


__all__ = ["LANGUAGES", "Language", "MemoryLimit", "Variant", "find", "main_file"]
