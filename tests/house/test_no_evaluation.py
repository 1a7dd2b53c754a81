"""No text that a policy wrote is ever evaluated: a walk over the syntax of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rewardd_verifiers

_ROOT = Path(rewardd_verifiers.__file__).parent
_SYMBOLIC = _ROOT / "mathexpr" / "symbolic.py"
_BANNED_CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "sympify",
    "parse_expr",
    "parse_latex",
    "lambdify",
    "latex2sympy",
    "nsimplify",
}
_BANNED_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
_PATTERN_MAKERS = {"compile", "match", "search", "fullmatch", "findall", "finditer", "sub", "split"}


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _is_of_re(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr in _PATTERN_MAKERS
    )


def _constants(tree: ast.Module) -> set[str]:
    """Return names of the module that hold patterns: assigned at its top, in capitals."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def _is_literal(node: ast.expr, known: set[str]) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name.lstrip("_").isupper() and name in known
        case ast.JoinedStr(values=values):
            return all(_is_literal(value, known) for value in values)
        case ast.FormattedValue(value=value):
            return _is_literal(value, known)
        case ast.BinOp(left=left, right=right):
            return _is_literal(left, known) and _is_literal(right, known)
        case _:
            return False


def _call_faults(call: ast.Call, known: set[str]) -> Iterator[str]:
    name = _name(call)
    of_re = _is_of_re(call)
    if name in _BANNED_CALLS and not of_re:
        yield f"line {call.lineno}: {name}"
    if name == "S" and not all(isinstance(arg, ast.Constant) for arg in call.args):
        yield f"line {call.lineno}: S of a value"
    if of_re and call.args and not _is_literal(call.args[0], known):
        yield f"line {call.lineno}: a pattern that is no literal"


def _import_faults(node: ast.Import | ast.ImportFrom, *, symbolic: bool) -> Iterator[str]:
    names = [alias.name for alias in node.names]
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
    for module in modules:
        root = module.partition(".")[0]
        if root in _BANNED_MODULES:
            yield f"line {node.lineno}: {module}"
        if root in {"sympy", "latex2sympy2_extended"} and not symbolic:
            yield f"line {node.lineno}: {module} outside mathexpr/symbolic.py"
    if isinstance(node, ast.ImportFrom) and _BANNED_CALLS & set(names):
        yield f"line {node.lineno}: {names}"


def _faults(source: str, *, symbolic: bool = False) -> list[str]:
    tree = ast.parse(source)
    known = _constants(tree)
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.extend(_call_faults(node, known))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.extend(_import_faults(node, symbolic=symbolic))
    return found


_MATH_MODULES = sorted(
    [
        *(_ROOT / "mathexpr").glob("*.py"),
        *(_ROOT / "builtin" / name for name in ("math.py", "quantity.py")),
        *(_ROOT / "text" / name for name in ("answers.py", "phrases.py")),
    ]
)
_JAILED = sorted((_ROOT / "code" / "jailed").glob("*.py"))
_OTHERS = sorted(set(_ROOT.rglob("*.py")) - set(_MATH_MODULES) - set(_JAILED))


@pytest.mark.parametrize("module", [*_MATH_MODULES, *_OTHERS], ids=lambda path: path.name)
def test_what_runs_in_jails_is_imported_by_nothing_else(module: Path) -> None:
    nodes = list(ast.walk(ast.parse(module.read_text())))
    sources = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names = [a.name for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names]
    assert not [name for name in [*sources, *names] if "jailed" in name.split(".")]


@pytest.mark.parametrize("module", _MATH_MODULES, ids=lambda path: path.name)
def test_no_module_that_reads_mathematics_evaluates_text(module: Path) -> None:
    assert _faults(module.read_text(), symbolic=module == _SYMBOLIC) == []


@pytest.mark.parametrize("module", _OTHERS, ids=lambda path: path.name)
def test_no_other_module_evaluates_text(module: Path) -> None:
    faults = [fault for fault in _faults(module.read_text()) if "pattern" not in fault]
    assert faults == []


@pytest.mark.parametrize(
    "snippet",
    [
        "eval(answer)",
        "exec(answer)",
        "compile(answer, '', 'eval')",
        "__import__(answer)",
        "builtins.eval(answer)",
        "sympy.sympify(answer)",
        "parse_expr(answer)",
        "sympy.parsing.latex.parse_latex(answer)",
        "lambdify(x, answer)",
        "S(answer)",
        "import pickle",
        "from pickle import loads",
        "import sympy",
        "from sympy import Integer",
        "from sympy.parsing.sympy_parser import parse_expr",
        "re.compile(answer)",
        "re.search(f'{answer}', text)",
        "re.sub('a' + answer, '', text)",
        "_PATTERN = 1\nre.compile(pattern)",
    ],
)
def test_the_walk_finds_what_it_is_for(snippet: str) -> None:
    assert _faults(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "re.compile('a+')",
        "_DIGITS = '[0-9]'\n_NUMBER = re.compile(rf'{_DIGITS}+')",
        "evaluate(answer)",
        "S('x')",
        "import re",
    ],
)
def test_the_walk_lets_pass_what_is_harmless(snippet: str) -> None:
    assert _faults(snippet) == []
