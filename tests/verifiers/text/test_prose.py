import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers.text import blanks, fences, mask, normal, scripts, segments
from rewardd_verifiers.text.excerpt import excerpt


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a\n```python\nhidden\n```\nb", "a b", id="fence"),
        pytest.param("a\n```\nhidden\nhidden", "a", id="open_fence"),
        pytest.param("a `hidden` b", "a b", id="inline_code"),
        pytest.param("a ` b", "a ` b", id="lone_backtick"),
        pytest.param("a $$hidden\n\nhidden$$ b", "a b", id="display"),
        pytest.param(r"a \[hidden \\[2pt] hidden\] b", "a b", id="bracketed"),
        pytest.param(r"a \(hidden\) b", "a b", id="parenthesised"),
        pytest.param(r"a \[b", r"a \[b", id="open_bracket"),
        pytest.param(r"a \begin{x}hid \begin{y}den\end{y} hid\end{x} b", "a b", id="environment"),
        pytest.param(r"a \begin{x} b \begin{y}hid\end{y} c", "a b c", id="open_environment"),
        pytest.param("a $hidden$ b", "a b", id="formula"),
        pytest.param("a $hidden\nhidden$ b", "a b", id="formula_of_two_lines"),
        pytest.param("a $x\n\nb$ c", "a $x b$ c", id="no_formula_of_two_paragraphs"),
        pytest.param("a $ hidden = x $ b", "a b", id="spaced_formula"),
        pytest.param("it costs $5 and $10 b", "it costs $5 and $10 b", id="currency"),
        pytest.param("a $ b", "a $ b", id="lone_dollar"),
        pytest.param(r"a \$5 b$ c", r"a \$5 b$ c", id="escaped_dollar"),
        pytest.param(r"a \text{hidden {hidden}}[x]{hidden} b", "a b", id="command"),
        pytest.param("a https://hidden.org/x b", "a b", id="address"),
        pytest.param("见https://hidden.org。然后", "见 。然后", id="address_before_han"),
        pytest.param("a www.hidden.org b", "a b", id="bare_address"),
        pytest.param("a <hidden x=1> b </hidden>", "a b", id="tags"),
        pytest.param("1 < 2 b > 3", "1 < 2 b > 3", id="no_tag"),
        pytest.param("wo\u200brd", "word", id="invisible"),
    ],
)
def test_what_is_no_prose_is_masked(text: str, words: str) -> None:
    assert mask.prose(text).split() == words.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("```py\nx\n```", [("py", "x\n", True)], id="plain"),
        pytest.param("~~~\nx\n~~~", [("", "x\n", True)], id="tildes"),
        pytest.param("  ```C++ title\nx\n  ```", [("c++", "x\n", True)], id="indented"),
        pytest.param("````\n```\nx\n````", [("", "```\nx\n", True)], id="longer"),
        pytest.param("```\nx", [("", "x", False)], id="open"),
        pytest.param("```", [("", "", False)], id="open_at_the_end"),
        pytest.param("```py\n```", [("py", "", True)], id="empty"),
        pytest.param("use ```x``` here", [], id="inline"),
        pytest.param("```x``` here", [], id="inline_at_a_line_start"),
        pytest.param("```\nx\n``` y\n```", [("", "x\n``` y\n", True)], id="text_behind"),
        pytest.param("```a\r\nx\r\n```\r\n", [("a", "x\r\n", True)], id="carriage_returns"),
        pytest.param(
            "```a\nx\n```\n```b\ny\n```", [("a", "x\n", True), ("b", "y\n", True)], id="two"
        ),
    ],
)
def test_fences_are_read_as_commonmark_does(
    text: str, expected: list[tuple[str, str, bool]]
) -> None:
    found = [(fence.language, fence.read(text), fence.closed) for fence in fences.find(text)]
    assert found == expected


def test_of_too_many_fences_the_last_are_read() -> None:
    text = "```\n```\n" * fences.MAX_FENCES + "```last\nx\n```"
    assert fences.find(text)[-1].language == "last"


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u2060", "\u3164\u2800", "\ufe0f", "\ud800"])
def test_what_cannot_be_seen_is_blank(text: str) -> None:
    assert blanks.is_blank(text)
    assert not blanks.has_visible(text, 1)


@pytest.mark.parametrize(("text", "count"), [("a", 1), (" a b ", 2), ("漢字", 2), ("-", 1)])
def test_what_can_be_seen_is_counted(text: str, count: int) -> None:
    assert blanks.has_visible(text, count)
    assert not blanks.has_visible(text, count + 1)


def test_many_sentences_are_read_together() -> None:
    pieces = segments.sentences("ja. nein!\n" * segments.MAX_SENTENCES)
    assert len(pieces) <= segments.MAX_SENTENCES
    assert sum(piece.count("ja") for piece in pieces) == segments.MAX_SENTENCES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a sin x and maximum", ["and", "maximum"]),
        ("don't l'eau I'm x'", ["don't", "l'eau", "I'm"]),
        ("H2O 3rd", ["rd"]),
        ("schön e\u0301te\u0301 sin é", ["schön", "e\u0301te\u0301"]),
        ("AI模型", ["AI"]),
    ],
)
def test_latin_words_leave_out_variables_and_functions(text: str, words: list[str]) -> None:
    assert scripts.words(text, scripts.Script.LATIN) == words


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Paris", " paris. ", True),
        ("PARIS", "Paris", True),
        ("5", "-5", False),
        ("2.5", "25", False),
        ("10 mW", "10 MW", False),
        ("Aa", "AA", False),
        ("1 mHz", "1 MHz", False),
        ("$x$", "x", True),
    ],
)
def test_options_are_equal_where_only_writing_differs(one: str, other: str, *, same: bool) -> None:
    assert (normal.option(one) == normal.option(other)) is same


@pytest.mark.parametrize(
    ("text", "plain"), [("（Ｃ）", "(C)"), ("Ⓒ", "C"), ("𝐂", "C"), ("漢字ﷺ", "漢字ﷺ")]
)
def test_lookalike_letters_are_made_plain(text: str, plain: str) -> None:
    assert normal.narrow(text) == plain


@given(st.text(alphabet=st.characters(), max_size=700))
def test_an_excerpt_is_short_and_valid(text: str) -> None:
    shown = excerpt(text + "\ud800")
    assert len(shown) <= 512
    assert shown.encode("utf-8")
