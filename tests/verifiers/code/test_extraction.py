import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_sandbox.languages import LANGUAGES, find, main_file
from rewardd_verifiers.code.extraction import Code, Missing, extract

PYTHON = LANGUAGES["python"]


@pytest.mark.parametrize(
    ("completion", "source"),
    [
        pytest.param("```python\nx = 1\n```", "x = 1\n", id="tagged"),
        pytest.param("```py\na\n```\ntext\n```python3\nb\n```", "b\n", id="last_alias"),
        pytest.param("```\nx\n```", "x\n", id="untagged"),
        pytest.param("```python\nx\n```\n```\nout\n```", "x\n", id="tagged_before_untagged"),
        pytest.param("```python\nx\n```\n```text\nout\n```", "x\n", id="output_skipped"),
        pytest.param("<think>```python\na\n```</think>\n```python\nb\n```", "b\n", id="thinking"),
        pytest.param("```python\r\nx\r\n```", "x\n", id="carriage_returns"),
        pytest.param("```python\n\ufeffx\n```", "x\n", id="byte_order_mark"),
        pytest.param("1. a\n   ```python\n   if 1:\n       x\n   ```", "if 1:\n    x\n", id="list"),
        pytest.param("~~~python\nx\n~~~", "x\n", id="tildes"),
        pytest.param("```{.python .numberLines}\nx\n```", "x\n", id="pandoc"),
        pytest.param("```python3.12\nx\n```", "x\n", id="version"),
        pytest.param("```language-py\nx\n```", "x\n", id="prefixed"),
        pytest.param("```python,editable\nx\n```", "x\n", id="more_behind"),
        pytest.param("```python\nx\n```\n```python2\ny\n```", "x\n", id="another_python"),
        pytest.param("Here: ```python\nx\n```", "x\n", id="opened_within_a_line"),
        pytest.param("```python\nx```", "x", id="closed_behind_code"),
        pytest.param("```python\nx\n``` Done.", "x\n", id="text_behind_the_fence"),
        pytest.param("So: ```py\nx\n```\nOut:\n```\n6\n```", "x\n", id="loose_before_output"),
        pytest.param("a ```python\nx\n```\n```python\ny\n```", "y\n", id="closed_ones_first"),
        pytest.param(
            '```python\n"""\n    ```\n    y\n    ```\n"""\n```',
            '"""\n    ```\n    y\n    ```\n"""\n',
            id="fences_in_a_docstring",
        ),
    ],
)
def test_the_program_is_the_last_block_in_its_language(completion: str, source: str) -> None:
    found = extract(completion, PYTHON)
    assert isinstance(found, Code)
    assert found.source == source


@pytest.mark.parametrize(
    ("completion", "other_language"),
    [
        pytest.param("x = 1", False, id="prose_is_never_run"),
        pytest.param("", False, id="nothing"),
        pytest.param("```python\nx = 1", False, id="unclosed"),
        pytest.param("<think>```python\nx\n```", False, id="thinking_never_closed"),
        pytest.param("```cpp\nint main(){}\n```", True, id="another_language"),
        pytest.param("```python\n\n```", False, id="empty_block"),
        pytest.param("so: ```python\nx", False, id="unclosed_within_a_line"),
        pytest.param("in ```x``` and ```y``` only", False, id="code_spans"),
        pytest.param("```python2\nprint 1\n```", True, id="another_python"),
        pytest.param("```c#\nx\n```", True, id="sharp"),
    ],
)
def test_what_is_no_program(completion: str, *, other_language: bool) -> None:
    found = extract(completion, PYTHON)
    assert isinstance(found, Missing)
    assert found.other_language is other_language


def test_an_unclosed_block_counts_when_asked_for() -> None:
    found = extract("```python\nx", PYTHON, accept_unclosed=True)
    assert isinstance(found, Code)
    assert found.source == "x"


def test_whole_text_is_taken_as_it_is() -> None:
    found = extract("    return 1\n", PYTHON, whole_text=True)
    assert isinstance(found, Code)
    assert found.source == "    return 1\n"


def test_the_tag_decides_where_any_language_goes() -> None:
    found = extract("```c++\nint main(){}\n```", None)
    assert isinstance(found, Code)
    assert found.language.name == "cpp"


def test_an_info_string_names_a_file_and_cannot_lead_out() -> None:
    blocks = (
        "```python:lib/a.py\nA = 1\n```\n```python:../b.py\nB\n```\n```python\nimport lib.a\n```"
    )
    found = extract(blocks, PYTHON)
    assert isinstance(found, Code)
    assert (dict(found.files), found.source) == ({"lib/a.py": "A = 1\n"}, "import lib.a\n")


def test_a_file_below_a_file_is_left_out() -> None:
    blocks = "```python:x\n1\n```\n```python:x/y\n2\n```\n```python\n3\n```"
    found = extract(blocks, PYTHON)
    assert isinstance(found, Code)
    assert set(found.files) == {"x/y"}


@given(st.text(alphabet="`~\n python:ax\r\t", max_size=200))
def test_any_text_gives_code_or_says_why_not(completion: str) -> None:
    found = extract(completion, PYTHON)
    assert isinstance(found, Code | Missing)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        pytest.param("public class A { }", "A.java", id="public"),
        pytest.param("import x; public final class B{}", "B.java", id="behind_an_import"),
        pytest.param("// public class No\npublic class C {}", "C.java", id="comment"),
        pytest.param(
            'class D { String s = "public class No"; public static void main(String[] a){} }',
            "D.java", id="main_only",
        ),
        pytest.param("class X { public class In {} }", "Main.java", id="inner"),
        pytest.param(
            "class A{}\nclass B{ static public\n void main (String[] a){} }\nclass C{}",
            "B.java", id="main_in_the_middle",
        ),
        pytest.param(
            "public class Z{}\nclass Main{public static void main(String[] a){}}",
            "Z.java", id="public_without_main",
        ),
        pytest.param("/*" * 100_000, "Main.java", id="never_closed"),
        pytest.param('"\\' * 100_000, "Main.java", id="never_closed_text"),
    ],
)  # fmt: skip
def test_a_java_file_is_named_after_its_class(source: str, name: str) -> None:
    assert main_file(LANGUAGES["java"], source) == name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        pytest.param("/* x */ package a.b;\nclass C{static void main(){}}", "a.b.C", id="package"),
        pytest.param(
            "public class Z{void main(){}}\nclass Main{static void main(){}}", "Main",
            id="public_without_main",
        ),
        pytest.param(
            "class A{static void main(){}}\npublic class B{static void main(){}}", "B",
            id="public_of_two",
        ),
        pytest.param("class A{class In{static void main(){}}}", "Main", id="inner"),
        pytest.param("class A{static void main(){}}\nclass Main{}", "A", id="none_in_main"),
        pytest.param("interface I{static void main(){}}", "I", id="interface"),
    ],
)  # fmt: skip
def test_java_starts_the_class_with_a_main(source: str, name: str) -> None:
    entry = LANGUAGES["java"].name_entry
    assert entry is not None
    assert entry(source) == name


@pytest.mark.parametrize(
    ("tag", "name"),
    [(" C++ ", "cpp"), ("c++17", "cpp"), ("gnu++20", "cpp"), ("c99", "c"), ("java-17", "java"),
     ("PyPy3", "python"), ("lang=js", "javascript"), ("nodejs", "javascript"), ("go1.22", "go")],
)  # fmt: skip
def test_tags_are_found_however_they_are_written(tag: str, name: str) -> None:
    assert find(tag) is LANGUAGES[name]


@pytest.mark.parametrize("tag", ["brainfuck", "python2", "py2.7", "c#", "f90", "17", ""])
def test_other_tags_stand_for_nothing(tag: str) -> None:
    assert find(tag) is None
