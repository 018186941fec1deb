"""Mobile device access rules: which rule matches which device, and what several rules decide together."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.model.access_effect import AccessEffect
from postroom.model.device_rules import (
    Device,
    DeviceRule,
    decide,
    override_key,
    rules_in_force,
    same_device,
)
from tests.support.directory_records import organization

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALLOW, DENY = AccessEffect.ALLOW, AccessEffect.DENY
PROPERTIES: Final[Mapping[str, str]] = {
    "type": "types",
    "model": "models",
    "operating_system": "operating_systems",
    "user_agent": "user_agents",
}
"""The list of a rule by the property of a device; the negated list has ``not_`` before it."""

LISTS = tuple(name for field in PROPERTIES.values() for name in (field, f"not_{field}"))


def rule(effect: AccessEffect = ALLOW, **lists: Any) -> DeviceRule:
    made: dict[str, Any] = {"id": "r", "name": "r", "effect": effect, "created": 1, "modified": 1, **lists}
    return DeviceRule(organization_id="m-1", **made)


HOLDS: Final = {
    # condition, negated condition: does it hold for "Android 8.1", for "iOS 14.3", and for no value?
    ((), ()): (True, True, True),
    (("ios",), ()): (False, True, False),
    (("$NONE",), ()): (False, False, True),
    (("ios", "$NONE"), ()): (False, True, True),
    (("ios", "android"), ()): (True, True, False),
    ((), ("ios",)): (True, False, False),
    ((), ("$NONE",)): (True, True, False),
    ((), ("ios", "$NONE")): (True, False, False),
    (("ios",), ("ios",)): (False, False, False),
    (("ios",), ("android",)): (False, True, False),
    (("ios", "android"), ("ios",)): (True, False, False),
    (("$NONE",), ("ios",)): (False, False, False),
    (("ios", "$NONE"), ("android",)): (False, True, False),
    (("ios", "$NONE"), ("$NONE",)): (False, True, False),
}


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize(("lists", "expected"), HOLDS.items())
def test_conditions_on_one_property(name: str, lists: tuple[Any, Any], expected: tuple[bool, ...]) -> None:
    field = PROPERTIES[name]
    made = rule(**{field: lists[0], f"not_{field}": lists[1]})
    others = dict.fromkeys(PROPERTIES, "whatever")
    found = [made.matches(Device(**others | {name: value})) for value in ("Android 8.1", "iOS 14.3", "")]
    assert tuple(found) == expected


def test_a_rule_matches_if_all_of_its_conditions_hold_whichever_kinds_it_has() -> None:
    """Every subset of the eight kinds of conditions, against every device with three values for each property."""
    values = ("", "iOS 1", "Tizen", "Android 8")
    devices = [Device(*reported) for reported in itertools.product(values, repeat=4)]
    for chosen in itertools.product((False, True), repeat=len(LISTS)):
        conditions: dict[str, Any] = {
            name: ("android",) if name.startswith("not_") else ("ios",)
            for name, wanted in zip(LISTS, chosen, strict=True)
            if wanted
        }
        made = rule(**conditions)
        matching = [
            {
                value
                for value in values
                if (field not in conditions or value == "iOS 1")
                and (f"not_{field}" not in conditions or value in ("iOS 1", "Tizen"))
            }
            for field in PROPERTIES.values()
        ]
        for device in devices:
            reported = (device.type, device.model, device.operating_system, device.user_agent)
            expected = all(value in each for value, each in zip(reported, matching, strict=True))
            assert made.matches(device) is expected, (conditions, device)


MATCHING, OTHER = ("ios",), ("android",)


@pytest.mark.parametrize("present", list(itertools.product((False, True), repeat=4)))
def test_what_matching_and_other_rules_decide_together(present: tuple[bool, ...]) -> None:
    kinds = ((ALLOW, MATCHING), (DENY, MATCHING), (ALLOW, OTHER), (DENY, OTHER))
    rules = [
        rule(effect, id=f"{effect}-{types[0]}", types=types)
        for (effect, types), wanted in zip(kinds, present, strict=True)
        if wanted
    ]
    allowing, denying = present[0], present[1]
    found = decide(rules, Device(type="iOS"))
    assert found.effect is (ALLOW if allowing and not denying else DENY)
    assert [each.id for each in found.rules] == (["DENY-ios"] if denying else ["ALLOW-ios"] if allowing else [])
    assert not found.overridden


@pytest.mark.parametrize(
    ("prefix", "value", "matches"),
    [
        ("iphone", "iPhone", True),
        ("IPHONE10C1", "iPhone10c1", True),
        ("iPhone1", "iPhone", False),
        ("phone", "iPhone", False),
        ("iOS 14.3", "iOS 14.30", True),
        ("ÉCRAN", "écran 2", True),
        ("s", "ß", False),
        (" ", " x", True),
        ("$none", "", True),
        ("$NONE", "$NONE", False),
        ("$NONE ", "", False),
        ("$NON", "", False),
    ],
)
def test_prefixes_match_in_any_case(prefix: str, value: str, matches: bool) -> None:
    assert rule(types=(prefix,)).matches(Device(type=value)) is matches


def test_a_device_that_reports_the_text_of_the_special_value_reports_a_type() -> None:
    assert rule(not_types=("$NONE",)).matches(Device(type="$NONE"))


texts = st.sampled_from(["", "$NONE", "ios", "IOS 14", "Android", "android 8", "é", "É1", "x"])
lists = st.lists(texts.filter(bool), max_size=3).map(tuple)
devices = st.builds(Device, texts, texts, texts, texts)
rules = st.builds(
    rule, st.sampled_from(AccessEffect), id=st.uuids().map(str), **dict.fromkeys(LISTS, lists | st.just(()))
)
rule_lists = st.lists(rules, max_size=6)


@given(rule_lists, rules, devices)
def test_a_rule_that_denies_never_grants_and_its_removal_never_denies(
    others: Sequence[DeviceRule], added: DeviceRule, device: Device
) -> None:
    without, with_it = decide(others, device), decide([*others, replace(added, effect=DENY)], device)
    if without.effect is DENY:
        assert with_it.effect is DENY
    if with_it.effect is ALLOW:
        assert without.effect is ALLOW


@given(rule_lists, rules, devices)
def test_a_rule_that_allows_never_denies(others: Sequence[DeviceRule], added: DeviceRule, device: Device) -> None:
    if decide(others, device).effect is ALLOW:
        assert decide([*others, replace(added, effect=ALLOW)], device).effect is ALLOW


@given(rule_lists, devices)
def test_the_order_of_rules_and_the_case_of_texts_do_not_matter(rules: Sequence[DeviceRule], device: Device) -> None:
    upper = Device(device.type.upper(), device.model.lower(), device.operating_system.title(), device.user_agent)
    found = decide(rules, device)
    assert decide(list(reversed(rules)), upper).effect is found.effect
    assert {each.effect for each in found.rules} <= {found.effect}


def test_the_default_rule_applies_until_rules_are_changed() -> None:
    new = organization("m-1")
    (default,) = rules_in_force(new, [])
    assert (default.effect, default.created) == (ALLOW, new.created)
    assert decide([default], Device()).effect is ALLOW
    own = replace(new, own_device_rules=True)
    assert rules_in_force(own, []) == ()
    assert decide((), Device(type="iPhone")).effect is DENY
    younger, older = rule(id="a", created=2), rule(id="b", created=1)
    assert rules_in_force(own, [younger, older]) == (older, younger)


def test_device_ids_are_the_same_in_any_case_if_they_are_ascii() -> None:
    assert override_key("u", "6apMEKphcp2") == override_key("u", "6APMEKPHCP2") != override_key("u2", "6APMEKPHCP2")
    assert same_device("ß") != same_device("SS")
