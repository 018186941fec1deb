"""Access control rules: the index against a plain reading of the rules, and every combination of conditions."""

from __future__ import annotations

import ipaddress
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import InvalidRangeError
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessAction, AccessRule, AccessRuleIndex, default_rule
from postroom.model.ip_ranges import IpRange, ip_number

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOW, DENY = AccessEffect.ALLOW, AccessEffect.DENY
EWS, IMAP = AccessAction.EWS, AccessAction.IMAP

USERS = ("ann", "bob", None)
ROLES = ("audit", "backup", None)
ADDRESSES = ("10.0.0.1", "10.0.1.0", "192.0.2.7", "255.255.255.255", "2001:db8::1")
RANGES = ("10.0.0.0/24", "10.0.0.0/16", "10.0.0.1/32", "192.0.2.0/29", "0.0.0.0/0", "255.255.255.255/32", "0.0.0.0/1")


def rule(name: str = "rule", effect: AccessEffect = ALLOW, **conditions: Any) -> AccessRule:
    return AccessRule(organization_id="m-1", name=name, effect=effect, created=0, modified=0, **conditions)


def matches(each: AccessRule, action: str, ip: str, user: str | None, role: str | None) -> bool:
    """Read one rule as the guide describes it."""

    def holds(values: Sequence[str], excluded: Sequence[str], value: str | None) -> bool:
        return (not values or value in values) and value not in excluded

    def inside(ranges: Sequence[str]) -> bool:
        address = ipaddress.ip_address(ip)
        return any(address in ipaddress.ip_network(text) for text in ranges)

    return (
        holds(each.actions, each.not_actions, action)
        and holds(each.user_ids, each.not_user_ids, user)
        and holds(each.impersonation_role_ids, each.not_impersonation_role_ids, role)
        and (not each.ip_ranges or inside(each.ip_ranges))
        and not inside(each.not_ip_ranges)
    )


def few(values: Sequence[str | None]) -> st.SearchStrategy[tuple[str, ...]]:
    given_values = [value for value in values if value]
    return st.lists(st.sampled_from(given_values), max_size=3, unique=True).map(tuple)


rules = st.lists(
    st.builds(
        AccessRule,
        organization_id=st.just("m-1"),
        name=st.text("abcd", min_size=1, max_size=3),
        effect=st.sampled_from(AccessEffect),
        ip_ranges=few(RANGES),
        not_ip_ranges=few(RANGES),
        actions=few((EWS, IMAP)),
        not_actions=few((EWS, IMAP)),
        user_ids=few(USERS),
        not_user_ids=few(USERS),
        impersonation_role_ids=few(ROLES),
        not_impersonation_role_ids=few(ROLES),
        created=st.just(0),
        modified=st.just(0),
    ),
    max_size=6,
    unique_by=lambda each: each.name,
)
accesses = st.tuples(
    st.sampled_from(AccessAction), st.sampled_from(ADDRESSES), st.sampled_from(USERS), st.sampled_from(ROLES)
)


@given(rules, accesses)
def test_the_index_decides_as_a_plain_reading_of_the_rules(
    made: list[AccessRule], access: tuple[AccessAction, str, str | None, str | None]
) -> None:
    found = AccessRuleIndex(made).decide(*access)
    matching = [each for each in made if matches(each, *access)]
    denied = any(each.effect is DENY for each in matching) or not matching
    assert found.effect is (DENY if denied else ALLOW)
    deciding = sorted(each.name for each in matching if each.effect is found.effect)
    assert list(found.rule_names) == deciding
    assert found.rule_name == (deciding[0] if deciding else None)


@given(rules, accesses)
def test_adding_a_rule_that_denies_never_grants_and_removing_one_never_denies(
    made: list[AccessRule], access: tuple[AccessAction, str, str | None, str | None]
) -> None:
    with_all = AccessRuleIndex(made).decide(*access).effect
    for denying in (each for each in made if each.effect is DENY):
        without = AccessRuleIndex([each for each in made if each is not denying]).decide(*access).effect
        assert (with_all, without) != (ALLOW, DENY)


KINDS = (
    ("ip_ranges", "not_ip_ranges", ("10.0.0.0/8",)),
    ("actions", "not_actions", (EWS,)),
    ("user_ids", "not_user_ids", ("ann",)),
    ("impersonation_role_ids", "not_impersonation_role_ids", ("audit",)),
)


@pytest.mark.parametrize("conditions", list(product(("absent", "listed", "excluded"), repeat=4)), ids=" ".join)
def test_truth_table_of_all_kinds_of_conditions(conditions: Sequence[str]) -> None:
    """A rule matches if each condition holds: one that is listed where the value is there, excluded where it is not."""
    members: dict[str, Any] = {
        (listed if condition == "listed" else excluded): values
        for (listed, excluded, values), condition in zip(KINDS, conditions, strict=True)
        if condition != "absent"
    }
    index = AccessRuleIndex([rule(**members)])
    for ip, action, user, role in product((True, False), repeat=4):
        holds = all(
            condition == "absent" or (condition == "listed") is there
            for condition, there in zip(conditions, (ip, action, user, role), strict=True)
        )
        found = index.decide(
            EWS if action else IMAP,
            "10.1.2.3" if ip else "192.0.2.7",
            "ann" if user else "bob",
            "audit" if role else None,
        )
        assert found.effect is (ALLOW if holds else DENY), (ip, action, user, role)
        assert found.rule_names == (("rule",) if holds else ())


def test_the_default_rule_allows_everything_and_no_rule_allows_nothing() -> None:
    for action in AccessAction:
        assert AccessRuleIndex([default_rule("m-1")]).decide(action, "192.0.2.7", "ann").effect is ALLOW
        assert AccessRuleIndex([]).decide(action, "192.0.2.7", "ann").effect is DENY


def test_the_examples_of_the_command_line_interface() -> None:
    """AWS CLI, list-access-control-rules and get-access-control-effect: the default rule matches, and is not named."""
    index = AccessRuleIndex([default_rule("m-1"), rule("myRule", DENY, user_ids=("S-1-1-11-1111111111",))])
    found = index.decide(AccessAction.WINDOWS_OUTLOOK, "192.0.2.0", "S-1-1-11-1111111111")
    assert (found.effect, found.rule_names) == (DENY, ("myRule",))


def test_both_ends_of_a_range_and_the_whole_space_are_matched() -> None:
    index = AccessRuleIndex([rule(ip_ranges=("10.0.0.0/8", "255.255.255.255/32"))])
    inside = ("10.0.0.0", "10.255.255.255", "255.255.255.255", "::ffff:10.1.1.1")
    outside = ("9.255.255.255", "11.0.0.0", "255.255.255.254", "0.0.0.1", "::1", "", "10.0.0")
    assert {ip: index.decide(EWS, ip).effect for ip in inside} == dict.fromkeys(inside, ALLOW)
    assert {ip: index.decide(EWS, ip).effect for ip in outside} == dict.fromkeys(outside, DENY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.1/8", "10.0.0.1/8 has bits after its prefix; the range with this address is 10.0.0.0/8"),
        ("10.0.0.0/33", "no IPv4 range"),
        ("10.0.0.256/32", "no IPv4 range"),
        ("10.0.0.0/255.0.0.0", "no IPv4 range"),
        ("10.0.0.0/", "no IPv4 range"),
        ("10.0.0.0/08", "no IPv4 range"),
        ("10.0.0.0/٨", "no IPv4 range"),
        ("010.0.0.0/8", "no IPv4 range"),
        ("10.0.0.0", "10.0.0.0/32"),
        ("2001:db8::/32", "IPv6"),
    ],
)
def test_a_text_that_is_no_range_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidRangeError, match=said):
        IpRange.parse(text)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_ranges_are_those_of_pythons_library(address: ipaddress.IPv4Address, bits: int) -> None:
    network = ipaddress.IPv4Network((address, bits), strict=False)
    assert IpRange.parse(str(network)) == (int(network[0]), int(network[-1]))
    assert ip_number(str(address)) == int(address)
