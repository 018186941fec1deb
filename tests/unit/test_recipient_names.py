"""A recipient has one name in its flow; what is given back in another case still means it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.model.addresses import Address
from postroom.model.recipient_names import RecipientNames, folded, name_of

NAMES = RecipientNames.of(["Jo@example.org", "jo@example.org", "Ann@example.org", "ben@acme.test", "Ann@example.org"])
addresses = st.builds(Address, st.sampled_from(["a", "A", "b", "Bc", "bC"]), st.sampled_from(["x.test", "y.test"]))


@pytest.mark.parametrize(
    ("local", "domain", "names"),
    [
        ("Jo", "example.org", ("Jo@example.org",)),
        ("jo", "example.org", ("jo@example.org",)),
        ("JO", "example.org", ("Jo@example.org", "jo@example.org")),
        ("ann", "example.org", ("Ann@example.org",)),
        ("BEN", "acme.test", ("ben@acme.test",)),
        ("ben", "example.org", ()),
    ],
)
def test_the_same_name_is_meant_else_those_that_differ_in_case(local: str, domain: str, names: tuple[str, ...]) -> None:
    assert NAMES.meant_by(Address(local, domain)) == names


def test_a_recipient_inside_has_its_name_in_lower_case() -> None:
    assert name_of(Address("Ben", "acme.test"), inside=True) == "ben@acme.test"
    assert name_of(Address("Ben", "acme.test"), inside=False) == "Ben@acme.test"
    assert (folded("Ben@Bücher.example"), folded("No Address")) == ("ben@xn--bcher-kva.example", "no address")


@given(st.lists(addresses), addresses)
def test_an_address_means_a_name_if_and_only_if_one_has_its_letters(known: list[Address], address: Address) -> None:
    names = RecipientNames.of(map(str, known))
    meant = names.meant_by(address)
    assert len(meant) == len(set(meant))
    assert bool(meant) == (address.folded() in {each.folded() for each in known})
    assert (
        (meant == (str(address),)) if address in known else all(folded(each) == str(address.folded()) for each in meant)
    )
