"""The four operations of access control rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.admin.access_rules import MAX_RANGES, MAX_RULES
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessRule
from postroom.model.records import Put

from .conftest import START

if TYPE_CHECKING:
    from collections.abc import Callable

Put_, Delete = "PutAccessControlRule", "DeleteAccessControlRule"
List, Effect = "ListAccessControlRules", "GetAccessControlEffect"

DEFAULT = {
    "Name": "default",
    "Effect": "ALLOW",
    "Description": "Default WorkMail Rule",
    "DateCreated": 0.0,
    "DateModified": 0.0,
}
OFFICE = {"IpAddress": "10.1.2.3", "Action": "EWS"}


@pytest.fixture
def put(caller: Any, acme: str) -> Callable[..., None]:
    """Put a rule of acme."""

    def make(name: str, effect: str = "ALLOW", **conditions: Any) -> None:
        request = {"OrganizationId": acme, "Name": name, "Effect": effect, "Description": "d"} | conditions
        assert caller(Put_, **request) == {}

    return make


@pytest.fixture
def effect(caller: Any, acme: str, user: str) -> Callable[..., tuple[str, list[str]]]:
    """Return the effect for the user, or for a role, and the rules that are named."""

    def ask(**changes: Any) -> tuple[str, list[str]]:
        who = {} if "ImpersonationRoleId" in changes else {"UserId": user}
        found = caller(Effect, OrganizationId=acme, **OFFICE | who | changes)
        return found["Effect"], found["MatchedRules"]

    return ask


@pytest.fixture
def role(caller: Any, acme: str) -> str:
    request = {"OrganizationId": acme, "Name": "Sync", "Type": "FULL_ACCESS"}
    made: str = caller("CreateImpersonationRole", **request, Rules=[{"ImpersonationRuleId": "all", "Effect": "ALLOW"}])[
        "ImpersonationRoleId"
    ]
    return made


def test_a_new_organization_has_the_default_rule_which_allows_everything(
    caller: Any, acme: str, effect: Callable[..., Any]
) -> None:
    assert caller(List, OrganizationId=acme) == {"Rules": [DEFAULT]}
    for action in ("ActiveSync", "AutoDiscover", "EWS", "IMAP", "SMTP", "WindowsOutlook", "WebMail"):
        assert effect(Action=action) == ("ALLOW", ["default"])


def test_a_rule_comes_back_as_it_was_put_beside_the_default_rule(
    caller: Any, acme: str, user: str, role: str, put: Callable[..., None]
) -> None:
    conditions = {
        "IpRanges": ["10.0.0.0/8", "10.1.0.0/16"],
        "NotIpRanges": ["10.2.0.0/16"],
        "Actions": ["EWS", "IMAP"],
        "NotActions": ["SMTP"],
        "UserIds": [user],
        "NotUserIds": [user],
        "ImpersonationRoleIds": [role],
        "NotImpersonationRoleIds": [role],
    }
    put("z_-9", "DENY", Description="ä" * 255, **conditions)
    default, found = caller(List, OrganizationId=acme)["Rules"]
    assert default == DEFAULT
    assert found.pop("DateCreated") == found.pop("DateModified") > START / 1000
    assert found == {"Name": "z_-9", "Effect": "DENY", "Description": "ä" * 255, **conditions}


def test_a_put_replaces_the_rule_of_the_name_and_keeps_its_date_of_creation(
    caller: Any, acme: str, put: Callable[..., None], effect: Callable[..., Any]
) -> None:
    put("office", "DENY", IpRanges=["10.0.0.0/8"])
    before = caller(List, OrganizationId=acme)["Rules"][1]
    put("office", "DENY", Description="e", Actions=["IMAP"], IpRanges=[])
    after = caller(List, OrganizationId=acme)["Rules"][1]
    assert after.pop("DateCreated") == before["DateCreated"] < after.pop("DateModified")
    assert after == {"Name": "office", "Effect": "DENY", "Description": "e", "Actions": ["IMAP"]}
    assert effect() == ("ALLOW", ["default"])
    put("Office", "DENY")
    assert effect() == ("DENY", ["Office"])  # names differ in case
    put("default", "DENY")
    assert effect() == ("DENY", ["Office", "default"])
    assert caller(List, OrganizationId=acme)["Rules"][1]["DateCreated"] == 0.0


def test_without_a_rule_everything_is_denied(
    caller: Any, acme: str, put: Callable[..., None], effect: Callable[..., Any]
) -> None:
    for name in ("absent", "default", "default"):
        assert caller(Delete, OrganizationId=acme, Name=name) == {}
    assert caller(List, OrganizationId=acme) == {"Rules": []}
    assert effect() == ("DENY", [])
    put("one")
    assert effect() == ("ALLOW", ["one"])
    assert len(caller(List, OrganizationId=acme)["Rules"]) == 1


def test_a_rule_that_does_not_exist_can_be_deleted_and_changes_nothing(caller: Any, acme: str, context: Any) -> None:
    before = context.directory.organization(acme)
    assert caller(Delete, OrganizationId=acme, Name="absent") == {}
    assert context.directory.organization(acme) == before


CONDITIONS = [
    ({"IpRanges": ["10.0.0.0/8"]}, {"IpAddress": "11.0.0.0"}),
    ({"IpRanges": ["192.0.2.0/24", "10.1.2.3/32"]}, {"IpAddress": "10.1.2.4"}),
    ({"NotIpRanges": ["11.0.0.0/8"]}, {"IpAddress": "11.255.255.255"}),
    ({"Actions": ["EWS", "SMTP"]}, {"Action": "IMAP"}),
    ({"NotActions": ["WebMail"]}, {"Action": "WebMail"}),
]


@pytest.mark.parametrize(("conditions", "other"), CONDITIONS)
@pytest.mark.parametrize("of_rule", ["ALLOW", "DENY"])
def test_a_rule_counts_only_where_its_condition_holds(
    put: Callable[..., None],
    effect: Callable[..., Any],
    conditions: dict[str, Any],
    other: dict[str, str],
    of_rule: str,
) -> None:
    put("default", "DENY" if of_rule == "ALLOW" else "ALLOW", Actions=["ActiveSync"])
    put("one", of_rule, **conditions)
    assert effect() == (of_rule, ["one"])
    assert effect(**other) == ("DENY", [])


def test_users_and_roles_and_those_that_are_excluded(
    caller: Any, acme: str, user: str, role: str, put: Callable[..., None], effect: Callable[..., Any]
) -> None:
    bob = caller("CreateUser", OrganizationId=acme, Name="bob", DisplayName="Bob")["UserId"]
    of_role = {"ImpersonationRoleId": role}
    put("no-user", "DENY", UserIds=[user])
    assert (effect(), effect(UserId=bob), effect(**of_role)) == (
        ("DENY", ["no-user"]),
        ("ALLOW", ["default"]),
        ("ALLOW", ["default"]),
    )
    put("no-user", "DENY", NotUserIds=[user])
    assert (effect(), effect(UserId=bob), effect(**of_role)) == (
        ("ALLOW", ["default"]),
        ("DENY", ["no-user"]),
        ("DENY", ["no-user"]),
    )
    put("no-user", "DENY", ImpersonationRoleIds=[role])
    assert (effect(), effect(**of_role)) == (("ALLOW", ["default"]), ("DENY", ["no-user"]))
    put("no-user", "DENY", NotImpersonationRoleIds=[role])
    assert (effect(), effect(**of_role)) == (("DENY", ["no-user"]), ("ALLOW", ["default"]))


@pytest.mark.parametrize("member", ["IpRanges", "NotIpRanges"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.1/8", "the range with this address is 10.0.0.0/8"),
        ("10.0.0.0/33", "10.0.0.0/33"),
        ("10.0.0.256/32", "10.0.0.256/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("10.0.0.0", "10.0.0.0"),
        ("10.0.0.0/8\n", "10.0.0.0/8"),
    ],
)
def test_a_range_that_is_none_is_refused_and_named(caller: Any, acme: str, member: str, text: str, said: str) -> None:
    rule = {"OrganizationId": acme, "Name": "r", "Effect": "DENY", "Description": "d"}
    refused = caller.refused("InvalidParameterException", Put_, **rule, **{member: ["10.0.0.0/8", text]})
    assert said in refused
    assert member.lower() in refused.lower()
    assert caller(List, OrganizationId=acme) == {"Rules": [DEFAULT]}


U404, R404 = "00000404-0000-4000-8000-000000000000", "r-404"


@pytest.mark.parametrize(
    ("code", "changes", "said"),
    [
        ("InvalidParameterException", {"Actions": ["POP"]}, "Actions: POP is not one of ActiveSync"),
        ("InvalidParameterException", {"NotActions": ["ews"]}, "NotActions: ews is not one of"),
        ("InvalidParameterException", {"Effect": "MAYBE"}, "effect"),
        ("InvalidParameterException", {"Name": "a b"}, "name"),
        ("InvalidParameterException", {"Name": "n" * 65}, "name"),
        ("InvalidParameterException", {"Description": "d" * 256}, "description"),
        ("InvalidParameterException", {"Actions": ["EWS"] * 11}, "actions"),
        ("InvalidParameterException", {"UserIds": [U404] * 11}, "userIds"),
        ("InvalidParameterException", {"IpRanges": ["10.0.0.0/8"] * 1025}, "ipRanges"),
        ("EntityNotFoundException", {"UserIds": [U404]}, U404),
        ("EntityNotFoundException", {"NotUserIds": [U404]}, U404),
        ("ResourceNotFoundException", {"ImpersonationRoleIds": [R404]}, R404),
        ("ResourceNotFoundException", {"NotImpersonationRoleIds": [R404]}, R404),
        ("OrganizationNotFoundException", {"OrganizationId": "m-" + "0" * 32}, "m-0"),
    ],
)
def test_a_rule_that_names_what_does_not_exist_is_refused(
    caller: Any, acme: str, code: str, changes: dict[str, Any], said: str
) -> None:
    rule = {"OrganizationId": acme, "Name": "r", "Effect": "DENY", "Description": "d"} | changes
    assert said in caller.refused(code, Put_, **rule)


def test_groups_resources_and_deleted_users_are_no_users(caller: Any, acme: str, user: str, room: str) -> None:
    group = caller("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]
    caller("DeleteUser", OrganizationId=acme, UserId=user)
    for entity_id in (group, room, user, "ann"):
        rule = {"OrganizationId": acme, "Name": "r", "Effect": "DENY", "Description": "d", "UserIds": [entity_id]}
        expected = "InvalidParameterException" if entity_id == "ann" else "EntityNotFoundException"
        caller.refused(expected, Put_, **rule)  # ids only: a name is too short
        caller.refused(expected, Effect, OrganizationId=acme, **OFFICE, UserId=entity_id)


@pytest.mark.parametrize(
    ("code", "changes", "said"),
    [
        ("InvalidParameterException", {}, "either UserId or ImpersonationRoleId"),
        ("InvalidParameterException", {"UserId": "user", "ImpersonationRoleId": "role"}, "either UserId or"),
        ("InvalidParameterException", {"ImpersonationRoleId": "role", "Action": "IMAP"}, "EWS only"),
        ("InvalidParameterException", {"UserId": "user", "Action": "POP"}, "Action: POP is not one of"),
        ("InvalidParameterException", {"UserId": "user", "IpAddress": "2001:db8::1"}, "ipAddress"),
        ("InvalidParameterException", {"UserId": "user", "IpAddress": "10.0.0.0/8"}, "ipAddress"),
        ("EntityNotFoundException", {"UserId": U404}, U404),
        ("ResourceNotFoundException", {"ImpersonationRoleId": R404}, R404),
    ],
)
def test_an_effect_is_asked_of_one_user_or_role(
    caller: Any, acme: str, user: str, role: str, code: str, changes: dict[str, str], said: str
) -> None:
    made = {"user": user, "role": role}
    request = {"OrganizationId": acme, **OFFICE, **{name: made.get(text, text) for name, text in changes.items()}}
    assert said in caller.refused(code, Effect, **request)


def fill(context: Any, organization_id: str, count: int, **conditions: Any) -> None:
    """Write rules past the API, as many as it took many calls to put."""
    for number in range(count):
        rule = AccessRule(
            organization_id=organization_id,
            name=f"r{number:03}",
            effect=AccessEffect.DENY,
            created=1,
            modified=1,
            **conditions,
        )
        context.directory.commit([Put(rule)])


def test_a_thousand_rules_are_taken_and_decide(
    caller: Any, acme: str, context: Any, put: Callable[..., None], effect: Callable[..., Any]
) -> None:
    put("first", "DENY", IpRanges=["192.0.2.0/24"])
    fill(context, acme, MAX_RULES - 3, user_ids=(U404,))
    put("last", "DENY", Actions=["IMAP"])
    assert (effect(), effect(Action="IMAP")) == (("ALLOW", ["default"]), ("DENY", ["last"]))
    assert len(caller(List, OrganizationId=acme)["Rules"]) == MAX_RULES
    rule = {"OrganizationId": acme, "Effect": "DENY", "Description": "d"}
    assert "1,000" in caller.refused("LimitExceededException", Put_, **rule, Name="one-too-many")
    put("last", "DENY", Actions=["SMTP"])
    assert effect(Action="IMAP") == ("ALLOW", ["default"])


def test_all_rules_together_have_a_limit_of_ranges(caller: Any, acme: str) -> None:
    ranges = [f"10.0.{number}.0/24" for number in range(256)] * 4
    rule = {"OrganizationId": acme, "Effect": "DENY", "Description": "d", "IpRanges": ranges, "NotIpRanges": ranges}
    for number in range(10):
        caller(Put_, **rule, Name=f"r{number}")
    refused = caller.refused("LimitExceededException", Put_, **{**rule, "Name": "more", "IpRanges": ["10.0.0.0/8"]})
    assert f"{MAX_RANGES:,}" in refused


def test_of_two_first_changes_at_once_both_count(caller: Any, acme: str, context: Any) -> None:
    """The second conflicts at the organization, and is decided again with the rules of the first."""
    read, others = context.directory.organization, [{"Name": "other", "Effect": "DENY", "Description": "d"}]

    def organization(organization_id: str) -> Any:
        found = read(organization_id)
        if others:
            caller(Put_, OrganizationId=acme, **others.pop())
        return found

    context.directory.organization = organization
    caller(Delete, OrganizationId=acme, Name="default")
    assert [rule["Name"] for rule in caller(List, OrganizationId=acme)["Rules"]] == ["other"]
