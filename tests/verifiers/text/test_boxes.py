import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers.text import boxes

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        pytest.param(r"so \boxed{7}.", ["7"], id="plain"),
        pytest.param(r"\fbox{7}", ["7"], id="fbox"),
        pytest.param("\\boxed\n {\n7\n}", ["\n7\n"], id="blanks_before_and_within"),
        pytest.param(r"\boxed{\frac{1}{2}}", [r"\frac{1}{2}"], id="braces_within"),
        pytest.param(r"\boxed{\{1,2\}}", [r"\{1,2\}"], id="escaped_braces"),
        pytest.param(r"\boxed{a\\}", [r"a\\"], id="line_break_before_the_brace"),
        pytest.param(r"\boxed{{{{{{{{7}}}}}}}}", ["{{{{{{{7}}}}}}}"], id="deep_braces"),
        pytest.param(r"\boxed 7.", ["7"], id="number_without_braces"),
        pytest.param(r"\boxed-7.5", ["-7.5"], id="signed_number_without_braces"),
        pytest.param(r"\boxed \pi$", [r"\pi"], id="command_without_braces"),
        pytest.param(r"\boxed\text{C}$", [r"\text{C}"], id="command_with_argument"),
        pytest.param(r"\boxed C", ["C"], id="letter_without_braces"),
        pytest.param(r"\boxed{\boxed{7}}", [r"\boxed{7}", "7"], id="nested"),
        pytest.param(r"\boxed{1} or \boxed{2}", ["1", "2"], id="two"),
        pytest.param(r"\\boxed{7}", ["7"], id="doubled_by_json"),
        pytest.param(r"\boxed{\\boxed{7}}", [r"\\boxed{7}", "7"], id="doubled_within"),
        pytest.param(r"\boxed{}", [""], id="empty"),
        pytest.param(r"put it in \boxed as told", [], id="mentioned"),
        pytest.param(r"\boxedfoo{7} boxed{7}", [], id="other_commands"),
        pytest.param(r"use `\boxed`: \boxed{3}", ["3"], id="mentioned_then_used"),
    ],
)
def test_boxes_are_read_in_order(text: str, contents: list[str]) -> None:
    found = boxes.find(text)
    assert [box.read(text) for box in found] == contents
    assert all(box.closed for box in found)


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        pytest.param(r"\boxed{1} \boxed{2", [True, False], id="last"),
        pytest.param(r"\boxed{2 \boxed{1}", [False, True], id="outer"),
        pytest.param(r"\boxed{1} \boxed", [True, False], id="bare_at_the_end"),
        pytest.param(r"\boxed{a\}", [False], id="closed_by_an_escape_only"),
        pytest.param(r"\boxed{" + "{" * 10 + "}" * 10, [False], id="one_brace_short"),
        pytest.param(r"\boxed{" * 600 + "}" * 600, [False] * 500, id="beyond_the_depth"),
    ],
)
def test_a_box_that_was_cut_off_is_told_as_open(text: str, closed: list[bool]) -> None:
    assert [box.closed for box in boxes.find(text)][: len(closed)] == closed


def test_offsets_point_into_the_text() -> None:
    text = r"a \boxed{ \fbox{3} } b"
    outer, inner = boxes.find(text)
    assert text[outer.start : outer.end] == r"\boxed{ \fbox{3} }"
    assert text[inner.start : inner.end] == r"\fbox{3}"
    assert (outer.depth, inner.depth) == (0, 1)


def test_of_nested_boxes_the_last_is_the_innermost_unless_asked_otherwise() -> None:
    text = r"\boxed{1} \boxed{2 + \boxed{3}}"
    inner, outer = boxes.last(text), boxes.last(text, innermost=False)
    assert inner is not None
    assert outer is not None
    assert (inner.read(text), outer.read(text)) == ("3", r"2 + \boxed{3}")
    assert [box.read(text) for box in boxes.innermost(boxes.find(text))] == ["1", "3"]


def test_a_text_without_boxes_has_no_last_one() -> None:
    assert boxes.last("7") is None
    assert boxes.last("7", innermost=False) is None


def test_of_too_many_boxes_the_last_are_read() -> None:
    text = r"\boxed{1}" * (boxes.MAX_BOXES + 5) + r"\boxed{2}"
    found = boxes.find(text)
    assert len(found) == boxes.MAX_BOXES
    assert found[-1].read(text) == "2"


@pytest.mark.parametrize(
    "unit",
    [r"\boxed{", r"\boxed{a}", r"\fbox7", "{", "}", "{a", "{{{{{{a}}}}}}", "\\", r"\{", r"\boxed "],
)
@pytest.mark.parametrize("start", ["", r"\boxed{", r"\boxed{" * 400], ids=["bare", "box", "deep"])
def test_a_hostile_mebibyte_is_read(unit: str, start: str) -> None:
    text = start + unit * (MEBIBYTE // len(unit))
    assert len(boxes.find(text)) <= boxes.MAX_BOXES


@given(st.lists(st.sampled_from([r"\boxed", r"\fbox", "{", "}", "\\", " ", "a", "7", "\ud800"])))
def test_boxes_nest_properly_whatever_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = boxes.find(text)
    assert [box.start for box in found] == sorted({box.start for box in found})
    assert all(b.start < b.inner_start <= b.inner_end <= b.end <= len(text) for b in found)
    assert all(
        text[b.inner_end] == "}" for b in found if b.closed and text[b.inner_start - 1] == "{"
    )


BALANCED = st.recursive(
    st.text(alphabet="ab7 $"),
    lambda inner: st.tuples(inner, inner, inner).map(lambda t: f"{t[0]}{{{t[1]}}}{t[2]}"),
)


@given(BALANCED)
def test_whatever_is_balanced_is_read_back(inner: str) -> None:
    text = rf"so \boxed{{{inner}}} it is"
    (box,) = boxes.find(text)
    assert box.read(text) == inner
