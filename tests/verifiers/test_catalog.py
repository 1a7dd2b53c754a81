from importlib.metadata import EntryPoint

import pytest

from rewardd_verifiers import (
    BrokenVerifierError,
    Catalog,
    DuplicateVerifierError,
    InvalidParamsError,
    InvalidReferenceError,
    Need,
    UnknownVerifierError,
    type_reference,
)


def _entry(name: str, value: str) -> tuple[Need, EntryPoint]:
    return Need.CPU, EntryPoint(name=name, value=value, group="rewardd.verifiers.cpu")


EXACT = _entry("exact", "rewardd_verifiers.builtin.exact:Exact")


def test_two_packages_that_claim_one_name_are_an_error_at_start() -> None:
    with pytest.raises(DuplicateVerifierError, match=r"rewardd_verifiers.*other\.package:Exact"):
        Catalog([EXACT, _entry("exact", "other.package:Exact")])


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownVerifierError, match="'exakt'; installed are: exact"):
        Catalog([EXACT]).build("exakt", {})


def test_a_parameter_that_no_field_takes_names_itself_and_its_value() -> None:
    with pytest.raises(InvalidParamsError, match=r"tolerence: .*got 3"):
        Catalog([EXACT]).build("exact", {"tolerence": 3})


def test_a_reference_of_another_type_names_the_value() -> None:
    verifier = Catalog([EXACT]).build("exact", {})
    with pytest.raises(InvalidReferenceError, match=r"got \[1\]"):
        type_reference(verifier, [1])


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("no.such.module:Thing", id="missing_module"),
        pytest.param("rewardd_verifiers.builtin.exact:Nothing", id="missing_class"),
        pytest.param("rewardd_verifiers.verdict:Verdict", id="no_verifier"),
    ],
)
def test_a_broken_package_is_named_when_its_verifier_is_asked_for(value: str) -> None:
    catalog = Catalog([_entry("broken", value)])
    with pytest.raises(BrokenVerifierError, match="'broken'"):
        catalog.build("broken", {})


def test_a_description_holds_what_a_user_must_know_to_call_it() -> None:
    card = Catalog([EXACT]).describe("exact")
    assert (card.need, card.version, card.reference["type"]) == (Need.CPU, 1, "string")
    assert "ignore_case" in str(card.params["properties"])
