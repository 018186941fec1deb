"""Mobile device access rules: the guide's examples, and what the API accepts and returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.device_rules import DEFAULT_RULE_ID, MAX_DEVICE_RULES

if TYPE_CHECKING:
    from collections.abc import Callable

Create, Update, Delete = (f"{verb}MobileDeviceAccessRule" for verb in ("Create", "Update", "Delete"))
List, Effect = "ListMobileDeviceAccessRules", "GetMobileDeviceAccessEffect"

IPHONE = {
    "DeviceType": "iPhone",
    "DeviceModel": "iPhone10C1",
    "DeviceOperatingSystem": "iOS 14.2.1 16F203",
    "DeviceUserAgent": "iOS/14.2 (18B92) exchangesyncd/1.0",
}
"""The device of the guide's test. Source: ZH:6661."""

ANDROID = {
    "DeviceType": "Android",
    "DeviceOperatingSystem": "Android 8.1.0",
    "DeviceUserAgent": "Android-Mail/7.7.16.163886392.release",
}
"""Source: ZH:6562-6565."""


@pytest.fixture
def create(caller: Any, acme: str) -> Callable[..., str]:
    """Create a rule and return its id."""

    def make(name: str, effect: str, **conditions: list[str]) -> str:
        made: str = caller(Create, OrganizationId=acme, Name=name, Effect=effect, **conditions)[
            "MobileDeviceAccessRuleId"
        ]
        return made

    return make


@pytest.fixture
def remove(caller: Any, acme: str) -> Callable[[str], None]:
    def delete(rule_id: str) -> None:
        assert caller(Delete, OrganizationId=acme, MobileDeviceAccessRuleId=rule_id) == {}

    return delete


@pytest.fixture
def effect(caller: Any, acme: str) -> Callable[..., tuple[str, list[str]]]:
    """Return the effect for a device, and the names of the rules that produce it."""

    def get(device: dict[str, str]) -> tuple[str, list[str]]:
        found = caller(Effect, OrganizationId=acme, **device)
        return found["Effect"], [rule["Name"] for rule in found["MatchedRules"]]

    return get


class TestTheExamplesOfTheGuide:
    def test_by_default_any_device_is_allowed(self, effect: Callable[..., Any]) -> None:
        """ZH:6554, and the test of an iPhone, ZH:6661."""
        for device in (IPHONE, ANDROID, {}):
            assert effect(device) == ("ALLOW", [DEFAULT_RULE_ID])

    def test_without_any_rule_all_devices_are_blocked(
        self, effect: Callable[..., Any], remove: Callable[[str], None]
    ) -> None:
        """The warning, ZH:6558."""
        remove(DEFAULT_RULE_ID)
        for device in (IPHONE, ANDROID, {}):
            assert effect(device) == ("DENY", [])

    def test_block_all_android(self, create: Callable[..., str], effect: Callable[..., Any]) -> None:
        """ZH:6623: DENY takes precedence over the default rule, which allows."""
        create("BlockAllAndroid", "DENY", DeviceTypes=["android"])
        assert effect(ANDROID) == ("DENY", ["BlockAllAndroid"])
        assert effect({**ANDROID, "DeviceType": "ANDROID"})[0] == "DENY"
        assert effect(IPHONE) == ("ALLOW", [DEFAULT_RULE_ID])

    def test_allow_latest_ios_without_the_default_rule(
        self, create: Callable[..., str], remove: Callable[[str], None], effect: Callable[..., Any]
    ) -> None:
        """ZH:6631: "be sure to delete the default ALLOW-all rule"."""
        create("AllowLatestiOS", "ALLOW", DeviceOperatingSystems=["iOS 14.3"])
        assert effect(IPHONE)[0] == "ALLOW"
        remove(DEFAULT_RULE_ID)
        assert effect(IPHONE) == ("DENY", [])
        assert effect({"DeviceOperatingSystem": "iOS 14.3 18C66"}) == ("ALLOW", ["AllowLatestiOS"])
        assert effect(ANDROID) == ("DENY", [])

    def test_update_to_another_version(
        self,
        caller: Any,
        acme: str,
        create: Callable[..., str],
        remove: Callable[[str], None],
        effect: Callable[..., Any],
    ) -> None:
        """ZH:6641."""
        made = create("AllowLatestiOS", "ALLOW", DeviceOperatingSystems=["iOS 14.3"])
        remove(DEFAULT_RULE_ID)
        changed = {"Name": "AllowLatestiOS", "Effect": "ALLOW", "DeviceOperatingSystems": ["iOS 14.4"]}
        assert caller(Update, OrganizationId=acme, MobileDeviceAccessRuleId=made, **changed) == {}
        assert effect({"DeviceOperatingSystem": "iOS 14.4"}) == ("ALLOW", ["AllowLatestiOS"])
        assert effect({"DeviceOperatingSystem": "iOS 14.3"}) == ("DENY", [])

    def test_delete(
        self, create: Callable[..., str], remove: Callable[[str], None], effect: Callable[..., Any]
    ) -> None:
        """ZH:6645."""
        made = create("BlockAllAndroid", "DENY", DeviceTypes=["android"])
        remove(made)
        assert effect(ANDROID) == ("ALLOW", [DEFAULT_RULE_ID])
        remove(made)

    def test_none_is_for_devices_that_do_not_report_a_type(
        self, create: Callable[..., str], remove: Callable[[str], None], effect: Callable[..., Any]
    ) -> None:
        """ZH:6669: DeviceTypes=["iphone", "ipad", "$NONE"]."""
        remove(DEFAULT_RULE_ID)
        create("Apple", "ALLOW", DeviceTypes=["iphone", "ipad", "$NONE"])
        without = {name: value for name, value in IPHONE.items() if name != "DeviceType"}
        assert [effect(each)[0] for each in (IPHONE, {"DeviceType": "iPad"}, without, ANDROID)] == [
            "ALLOW",
            "ALLOW",
            "ALLOW",
            "DENY",
        ]

    def test_negations_do_not_match_what_is_not_reported(
        self, create: Callable[..., str], remove: Callable[[str], None], effect: Callable[..., Any]
    ) -> None:
        """ZH:6671: NotDeviceTypes=["android"]."""
        remove(DEFAULT_RULE_ID)
        create("NoAndroid", "ALLOW", NotDeviceTypes=["android"])
        assert [effect(each)[0] for each in (IPHONE, ANDROID, {})] == ["ALLOW", "DENY", "DENY"]

    def test_default_deny_all(self, create: Callable[..., str], effect: Callable[..., Any]) -> None:
        """ZH:6780, for solutions that manage devices by overrides."""
        create("DefaultDenyAll", "DENY")
        assert effect(IPHONE) == ("DENY", ["DefaultDenyAll"])


WHOLE = {
    "Name": "all\nkinds",
    "Description": "ü",
    "Effect": "DENY",
    "DeviceTypes": ["iPhone", "$NONE"],
    "NotDeviceTypes": ["iPad"],
    "DeviceModels": ["iPhone10"],
    "NotDeviceModels": ["iPhone10C1"],
    "DeviceOperatingSystems": ["iOS"],
    "NotDeviceOperatingSystems": ["iOS 12"],
    "DeviceUserAgents": ["iOS/14"],
    "NotDeviceUserAgents": ["iOS/14.2"],
}


def test_a_rule_comes_back_as_it_was_made_after_the_default_rule(caller: Any, acme: str) -> None:
    (default,) = caller(List, OrganizationId=acme)["Rules"]
    assert default == {
        "MobileDeviceAccessRuleId": DEFAULT_RULE_ID,
        "Name": "default",
        "Description": "Default WorkMail Rule",
        "Effect": "ALLOW",
        "DateCreated": default["DateCreated"],
        "DateModified": default["DateCreated"],
    }
    made = caller(Create, OrganizationId=acme, **WHOLE)["MobileDeviceAccessRuleId"]
    at = caller.now / 1000
    first, second = caller(List, OrganizationId=acme)["Rules"]
    assert first == default
    assert second == {"MobileDeviceAccessRuleId": made, **WHOLE, "DateCreated": at, "DateModified": at}


def test_an_update_replaces_the_rule_and_keeps_its_date(caller: Any, acme: str) -> None:
    made = caller(Create, OrganizationId=acme, **WHOLE)["MobileDeviceAccessRuleId"]
    at = caller.now / 1000
    named = {"OrganizationId": acme, "MobileDeviceAccessRuleId": made}
    caller(Update, **named, **WHOLE)
    assert caller(List, OrganizationId=acme)["Rules"][1]["DateModified"] == at
    caller(Update, **named, Name="n", Effect="ALLOW")
    changed = caller(List, OrganizationId=acme)["Rules"][1]
    assert changed == {
        "MobileDeviceAccessRuleId": made,
        "Name": "n",
        "Effect": "ALLOW",
        "DateCreated": at,
        "DateModified": caller.now / 1000 - 1,
    }


def test_the_default_rule_can_be_changed_and_does_not_come_back(
    caller: Any, acme: str, remove: Callable[[str], None]
) -> None:
    named = {"OrganizationId": acme, "MobileDeviceAccessRuleId": DEFAULT_RULE_ID}
    caller(Update, **named, Name="mine", Effect="DENY")
    (rule,) = caller(List, OrganizationId=acme)["Rules"]
    assert (rule["Name"], rule["Effect"]) == ("mine", "DENY")
    remove(DEFAULT_RULE_ID)
    assert caller(List, OrganizationId=acme) == {"Rules": []}
    caller.refused("EntityNotFoundException", Update, **named, Name="mine", Effect="DENY")
    made = caller(Create, OrganizationId=acme, Name="n", Effect="ALLOW")["MobileDeviceAccessRuleId"]
    assert [rule["MobileDeviceAccessRuleId"] for rule in caller(List, OrganizationId=acme)["Rules"]] == [made]


def test_there_are_ten_rules_of_any_names_with_the_default_rule_among_them(
    caller: Any, acme: str, create: Callable[..., str], remove: Callable[[str], None]
) -> None:
    for _ in range(MAX_DEVICE_RULES - 1):
        create("same", "ALLOW")
    new = {"OrganizationId": acme, "Name": "n", "Effect": "ALLOW"}
    assert "at most 10" in caller.refused("LimitExceededException", Create, **new)
    remove(DEFAULT_RULE_ID)
    caller(Create, **new)


def test_a_client_token_gets_the_same_answer(caller: Any, acme: str) -> None:
    new = {"OrganizationId": acme, "Name": "n", "Effect": "ALLOW", "ClientToken": "t"}
    assert caller(Create, **new) == caller(Create, **new)
    assert len(caller(List, OrganizationId=acme)["Rules"]) == 2
    caller.refused("InvalidParameterException", Create, **new | {"Effect": "DENY"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Name": ""}, "'name'"),
        ({"Name": "n" * 65}, "'name'"),
        ({"Description": ""}, "'description'"),
        ({"Effect": "MAYBE"}, "'effect'"),
        ({"DeviceTypes": []}, "'deviceTypes'"),
        ({"DeviceTypes": ["x"] * 11}, "'deviceTypes'"),
        ({"NotDeviceUserAgents": [""]}, "'notDeviceUserAgents"),
        ({"NotDeviceModels": ["x" * 257]}, "'notDeviceModels"),
        ({"DeviceOperatingSystems": ["日本"]}, "'deviceOperatingSystems"),
    ],
)
def test_what_is_no_rule_is_refused(caller: Any, acme: str, changes: dict[str, Any], said: str) -> None:
    request = {"OrganizationId": acme, "Name": "n", "Effect": "DENY", **changes}
    assert said in caller.refused("InvalidParameterException", Create, **request)
    assert said in caller.refused("InvalidParameterException", Update, MobileDeviceAccessRuleId="x", **request)
    assert len(caller(List, OrganizationId=acme)["Rules"]) == 1


def test_rules_of_another_organization_are_others(caller: Any, acme: str, create: Callable[..., str]) -> None:
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    made = create("BlockAllAndroid", "DENY", DeviceTypes=["android"])
    assert caller(Delete, OrganizationId=other, MobileDeviceAccessRuleId=made) == {}
    caller.refused(
        "EntityNotFoundException", Update, OrganizationId=other, MobileDeviceAccessRuleId=made, Name="n", Effect="DENY"
    )
    assert caller(Effect, OrganizationId=other, **ANDROID)["Effect"] == "ALLOW"
    assert caller(Effect, OrganizationId=acme, **ANDROID)["Effect"] == "DENY"
