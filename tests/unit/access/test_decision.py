"""The access decision: which requests are admitted, what they may do in a mailbox, and the audit records of both."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from postroom.access.compiled_rules import CompiledRules
from postroom.access.decision import READING, Access, MailboxObject, Refusal
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.contracts.audit_log import MailboxAction, Protocol, Request
from postroom.errors import ConflictError, UnknownOrganizationError
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessRule
from postroom.model.directory import EntityKind
from postroom.model.impersonation import ImpersonationRole, ImpersonationRule, RoleType
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.records import Insert, Put, Remove, Replace
from tests.support.directory_records import organization, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.model.owned import Owned

ORG = "m-1"
ALLOW, DENY = AccessEffect.ALLOW, AccessEffect.DENY
ANN = Request("request-1", ORG, "", 1_800_000_000_000, Protocol.EWS, "10.0.0.1", "Mail/1.0", user_id="ann")
ROLE = replace(ANN, impersonator_id="role")
CALENDAR = MailboxObject("bob", "CALENDAR", ("CALENDAR",))


def rule(name: str, effect: AccessEffect = ALLOW, **conditions: Any) -> AccessRule:
    return AccessRule(organization_id=ORG, name=name, effect=effect, created=1, modified=1, **conditions)


def role(kind: RoleType = RoleType.FULL_ACCESS, effect: AccessEffect = ALLOW) -> ImpersonationRole:
    rules = (ImpersonationRule("rule-1", effect, targets=("ann",)),)
    return ImpersonationRole(organization_id=ORG, id="role", name="r", type=kind, created=1, modified=1, rules=rules)


class CountingDirectory(MemoryDirectory):
    """Counts reads of pages of rules; ``before_page`` is called before each."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0
        self.before_page: Callable[[], None] = lambda: None

    def owned_page(self, *arguments: Any, **named: Any) -> Any:
        self.pages += 1
        self.before_page()
        return super().owned_page(*arguments, **named)


@pytest.fixture
def directory() -> CountingDirectory:
    made = CountingDirectory()
    made.commit([Insert(organization(ORG))])
    for name in ("ann", "bob"):
        made.commit([Insert(user(name, organization_id=ORG))])
    return made


@pytest.fixture
def access(directory: CountingDirectory) -> Access:
    return Access(CompiledRules(directory), directory)


def change(directory: MemoryDirectory, *changes: Put | Remove) -> None:
    """Write rules and the organization's next version of them, as the admin API does."""
    found = directory.organization(ORG)
    assert found is not None
    directory.commit([Replace(replace(found, access_version=found.access_version + 1)), *changes])


def put(directory: MemoryDirectory, *records: Owned) -> None:
    change(directory, *map(Put, records))


def fields(record: Any) -> dict[str, Any]:
    """Return what a record says beside the keys that all of a request have."""
    common = {"event_timestamp", "request_id", "organization_arn", "protocol", "source_ip", "user_agent"}
    return {name: value for name, value in record.fields.items() if name not in common}


def test_the_default_rule_admits_a_user_and_is_named_in_the_record(access: Access) -> None:
    admission = access.admit(ANN)
    assert admission.refusal is None
    (record,) = admission.records
    assert list(record.fields.items()) == [
        ("event_timestamp", 1_800_000_000_000),
        ("request_id", "request-1"),
        ("organization_arn", organization(ORG).arn),
        ("user_id", "ann"),
        ("protocol", "EWS"),
        ("source_ip", "10.0.0.1"),
        ("scope", "AccessControl"),
        ("rule_id", "default"),
        ("access_granted", True),
    ]


def test_each_change_of_the_rules_counts_from_the_next_request_on(access: Access, directory: CountingDirectory) -> None:
    assert access.admit(ANN).refusal is None
    away = rule("away", DENY, ip_ranges=("10.0.0.0/8",))
    put(directory, away, rule("default"))
    refused = access.admit(ANN)
    assert refused.refusal is Refusal.DENIED_BY_RULE
    said = {"user_id": "ann", "scope": "AccessControl", "rule_id": "away", "access_granted": False}
    assert fields(refused.records[0]) == said
    change(directory, Remove(away))
    assert access.admit(ANN).refusal is None
    change(directory, Remove(rule("default")))
    refused = access.admit(ANN)
    assert refused.refusal is Refusal.NO_RULE
    assert fields(refused.records[0]) == {"user_id": "ann", "scope": "AccessControl", "access_granted": False}


def test_rules_are_read_once_for_each_version(access: Access, directory: CountingDirectory) -> None:
    put(directory, rule("one"))
    for _ in range(3):
        assert access.admit(ANN).refusal is None
    assert directory.pages == 1
    put(directory, rule("two"))
    access.admit(ANN)
    assert directory.pages == 2


def test_rules_that_change_while_they_are_read_are_read_again(access: Access, directory: CountingDirectory) -> None:
    put(directory, rule("one"))
    changes = iter([rule("two", DENY)])
    directory.before_page = lambda: put(directory, *changes)
    with pytest.raises(ConflictError):
        access.admit(ANN)
    directory.before_page = lambda: None
    assert access.admit(ANN).refusal is Refusal.DENIED_BY_RULE


def test_few_organizations_are_kept_where_their_rules_are_large(directory: CountingDirectory) -> None:
    rules = CompiledRules(directory, max_weight=1)
    for organization_id in ("m-2", "m-3"):
        directory.commit([Insert(replace(organization(organization_id), access_version=1))])
    for organization_id in ("m-2", "m-2", "m-3", "m-2"):
        rules.of(organization_id)
    assert directory.pages == 3


def test_an_organization_that_never_existed_has_no_rules(access: Access) -> None:
    with pytest.raises(UnknownOrganizationError):
        access.admit(replace(ANN, organization_id="m-9"))


def test_a_role_is_judged_as_a_role_and_by_its_own_rules(access: Access, directory: CountingDirectory) -> None:
    put(directory, role(), rule("default"), rule("no-ann", DENY, user_ids=("ann",)))
    admission = access.admit(ROLE)
    assert admission.refusal is None
    common = {"user_id": "ann", "impersonator_id": "role"}
    assert [fields(record) for record in admission.records] == [
        common | {"scope": "AccessControl", "rule_id": "default", "access_granted": True},
        common | {"scope": "ImpersonationAccessControl", "rule_id": "rule-1", "access_granted": True},
    ]


@pytest.mark.parametrize(
    ("request_", "records", "refusal", "said"),
    [
        (ROLE, [role(effect=DENY)], Refusal.DENIED_TO_ROLE, [True, False]),
        (ROLE, [], Refusal.NO_ROLE, [True, False]),
        (replace(ROLE, user_id="bob"), [role()], Refusal.DENIED_TO_ROLE, [True, False]),
        (replace(ROLE, user_id=""), [role()], Refusal.NO_USER, [True]),
        (replace(ROLE, protocol=Protocol.AUTODISCOVER), [role()], Refusal.NOT_FOR_ROLES, [False]),
        (ROLE, [role(), rule("no", DENY, impersonation_role_ids=("role",))], Refusal.DENIED_BY_RULE, [False]),
    ],
)
def test_a_role_that_is_refused(
    access: Access,
    directory: CountingDirectory,
    request_: Request,
    records: list[Owned],
    refusal: Refusal,
    said: list[bool],
) -> None:
    put(directory, rule("default"), *records)
    admission = access.admit(request_)
    assert admission.refusal is refusal
    assert [record.fields["access_granted"] for record in admission.records] == said


@pytest.mark.parametrize("protocol", [each for each in Protocol if each not in ("IncomingEmail", "OutgoingEmail")])
def test_each_protocol_of_a_mail_client_has_rules(
    access: Access, directory: CountingDirectory, protocol: Protocol
) -> None:
    put(directory, rule("one", actions=(protocol.value,)))
    assert access.admit(replace(ANN, protocol=protocol)).refusal is None
    other = Protocol.IMAP if protocol is not Protocol.IMAP else Protocol.EWS
    assert access.admit(replace(ANN, protocol=other)).refusal is Refusal.NO_RULE


def test_an_action_in_a_mailbox_leaves_a_record(access: Access) -> None:
    act = access.act(access.admit(ANN), MailboxAction.READ_SUMMARY, CALENDAR, folder_allows=True)
    assert act.refusal is None
    assert fields(act.record) == {
        "user_id": "ann",
        "action": "read_summary",
        "owner_id": "bob",
        "object_type": "Folder",
        "folder_path": "/CALENDAR",
        "folder_id": "CALENDAR",
        "action_allowed": True,
    }


CONDITIONS = list(product(("own", "full", "folder", "none"), ("user", RoleType.FULL_ACCESS, RoleType.READ_ONLY)))


@pytest.mark.parametrize(("reason", "kind"), CONDITIONS)
def test_truth_table_of_actions(
    access: Access, directory: CountingDirectory, reason: str, kind: RoleType | str
) -> None:
    """A mailbox is open to its owner, by FULL_ACCESS or by its folder; a role has its user's access, a read-only one
    for reading."""
    permission = MailboxPermission(
        organization_id=ORG, owner_id="bob", grantee_id="ann", grantee_kind=EntityKind.USER,
        permissions=(Permission.FULL_ACCESS if reason == "full" else Permission.SEND_AS,),
    )  # fmt: skip
    put(directory, permission, rule("default"), *([role(kind)] if isinstance(kind, RoleType) else []))
    admission = access.admit(ANN if kind == "user" else ROLE)
    target = replace(CALENDAR, owner_id="ann") if reason == "own" else CALENDAR
    for action in MailboxAction:
        act = access.act(admission, action, target, folder_allows=reason == "folder")
        if kind is RoleType.READ_ONLY and action not in READING:
            assert act.refusal is Refusal.READ_ONLY, action
        else:
            assert act.refusal is (Refusal.NO_PERMISSION if reason == "none" else None), action
        assert act.record.fields["action_allowed"] is (act.refusal is None)


def test_nothing_is_allowed_in_a_request_that_is_refused(access: Access, directory: CountingDirectory) -> None:
    put(directory, rule("no", DENY))
    act = access.act(access.admit(ANN), MailboxAction.READ, replace(CALENDAR, owner_id="ann"))
    assert act.refusal is Refusal.DENIED_BY_RULE
    assert act.record.fields["action_allowed"] is False
