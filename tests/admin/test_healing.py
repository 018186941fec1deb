"""A call that is stopped before or after any call of a port is completed by repeating it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from postroom.model.records import Domain, DomainState, Insert
from postroom.model.rules import Direction

WRITES = {"commit", "create", "new", "identify", "route", "unroute", "set_away", "set_quota", "status", "keep"}
PORTS = ("directory", "mailboxes", "mailbox_keys", "domain_services", "rule_sets")


class StoppedError(BaseException):
    """The execution environment has ended; no handler of the program may catch this."""


class Interruption:
    """Wraps ports; stops the program before or after the n-th call that may have an effect."""

    def __init__(self, at_call: int, *, after: bool) -> None:
        self.left = at_call
        self.after = after

    def around(self, port: Any) -> Any:
        interruption = self

        class Wrapped:
            def __getattr__(self, name: str) -> Any:
                method = getattr(port, name)
                if name not in WRITES:
                    return method

                def call(*positional: Any, **named: Any) -> Any:
                    interruption.left -= 1
                    if interruption.left == 0 and not interruption.after:
                        raise StoppedError
                    result = method(*positional, **named)
                    if interruption.left == 0:
                        raise StoppedError
                    return result

                return call

        return Wrapped()


RULE = {"Name": "r", "SenderPatterns": ["evil.example"], "RecipientPatterns": ["*"], "Action": {"Type": "DROP"}}
DOMAINS = 200
"""More than fit into one transaction."""


def user_with_aliases(caller: Any, count: int) -> dict[str, str]:
    organization = caller("CreateOrganization", Alias="acme", Domains=[{"DomainName": "example.com"}])["OrganizationId"]
    user = caller("CreateUser", OrganizationId=organization, Name="ann", DisplayName="Ann")["UserId"]
    caller("RegisterToWorkMail", OrganizationId=organization, EntityId=user, Email="ann@example.com")
    for number in range(count):
        caller("CreateAlias", OrganizationId=organization, EntityId=user, Alias=f"a{number}@example.com")
    return {"OrganizationId": organization, "EntityId": user}


def prepare(caller: Any, operation: str) -> dict[str, Any]:
    """Prepare everything for a call and return its parameters."""
    if operation == "CreateOrganization":
        return {"Alias": "acme", "Domains": [{"DomainName": "example.com"}]}
    named = user_with_aliases(caller, 100 if operation == "DeregisterFromWorkMail" else 1)
    organization = {"OrganizationId": named["OrganizationId"]}
    match operation:
        case "RegisterMailDomain":
            return {**organization, "DomainName": "new.example.org"}
        case "DeregisterMailDomain":
            caller("RegisterMailDomain", **organization, DomainName="new.example.org")
            return {**organization, "DomainName": "new.example.org"}
        case "RegisterToWorkMail":
            caller("DeregisterFromWorkMail", **named)
            caller("CreateUser", **organization, Name="bob", DisplayName="Bob")
            return {**organization, "EntityId": "bob", "Email": "bob@example.com"}
        case "DeregisterFromWorkMail":
            return named
        case "UpdateMailboxQuota":
            return {**organization, "UserId": "ann", "MailboxQuota": 7}
        case _:
            return {**organization, "DeleteDirectory": True, "ForceDelete": True}


def prepare_rules(caller: Any, operation: str) -> dict[str, Any]:
    """Prepare a call that changes the copy in every domain row, and return its parameters."""
    organization = caller("CreateOrganization", Alias="acme", Domains=[{"DomainName": "example.com"}])["OrganizationId"]
    named = {"OrganizationId": organization}
    directory = caller.context.directory
    owner = directory.organization(organization).ref
    for number in range(DOMAINS):
        made = Domain(name=f"d{number}.example.org", organization=owner, is_test=False, state=DomainState.ACTIVE)
        directory.commit([Insert(made)])
    match operation:
        case "PutInboundDmarcSettings":
            return {**named, "Enforced": False}
        case "CreateInboundMailFlowRule":
            return {**named, **RULE, "ClientToken": "t"}
        case "UpdateInboundMailFlowRule":
            made = caller("CreateInboundMailFlowRule", **named, **RULE)["RuleId"]
            return {**named, **RULE, "RuleId": made, "Action": {"Type": "BOUNCE"}}
        case _:
            made = caller("CreateInboundMailFlowRule", **named, **RULE)["RuleId"]
            return {**named, "RuleId": made}


def check_rules(context: Any, operation: str) -> None:
    """Check that every domain, and the rule set that it names, are as after a call that was not stopped."""
    directory = context.directory
    organization = directory.organization_with_alias("acme")
    domains = directory.domains_of(organization.id, None, 1000).items
    assert len(domains) == DOMAINS + 2
    assert {domain.rules_version for domain in domains} == {organization.rules_version}
    assert {domain.dmarc_enforced for domain in domains} == {operation != "PutInboundDmarcSettings"}
    held = context.rule_sets.inbound(organization.id, organization.rules_version).rules
    assert list(held) == [row.rule for row in directory.rules(organization.id, Direction.INBOUND, None, 9).items]
    expected = {"CreateInboundMailFlowRule": ["DROP"], "UpdateInboundMailFlowRule": ["BOUNCE"]}
    assert [rule.action.type.value for rule in held] == expected.get(operation, [])


def check(caller: Any, context: Any, operation: str, request: dict[str, Any]) -> None:
    """Check that all stores are as after a call that was not stopped."""
    directory, routed = context.directory, context.domain_services.routed
    organization = directory.organization_with_alias("acme")
    match operation:
        case "CreateOrganization":
            assert caller("DescribeOrganization", OrganizationId=organization.id)["State"] == "Active"
            assert routed == {"acme.mail.test", "example.com"}
            assert directory.domain("example.com").organization == organization.ref
            assert len(directory.organizations(None, 10).items) == 1
        case "RegisterMailDomain":
            assert "new.example.org" in routed
            assert caller("GetMailDomain", **request)["OwnershipVerificationStatus"] == "VERIFIED"
        case "DeregisterMailDomain":
            assert "new.example.org" not in routed
            assert directory.domain_record("new.example.org") is None
        case "RegisterToWorkMail":
            bob = directory.resolve(organization.id, ["bob@example.com"])["bob@example.com"]
            assert bob.has_mailbox
            assert bob.entity_id in context.mailboxes.heads
            assert directory.domain("example.com").fallback_mailbox == bob.entity_id
        case "DeregisterFromWorkMail":
            assert directory.addresses_in("example.com", 1) == []
            assert directory.domain("example.com").fallback_mailbox is None
        case "UpdateMailboxQuota":
            assert {head.quota_bytes for head in context.mailboxes.heads.values()} == {7 << 20}
        case _:
            assert routed == set()
            assert organization is None
            assert directory.addresses_in("example.com", 1) == []
            assert directory.domain_record("example.com") is None


def is_done(context: Any, operation: str) -> bool:
    """Say whether a call that may not be repeated without a token was completed."""
    organization = context.directory.organization_with_alias("acme")
    return operation == "CreateOrganization" and organization is not None and organization.state == "Active"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "operation",
    [
        "CreateOrganization",
        "RegisterMailDomain",
        "DeregisterMailDomain",
        "RegisterToWorkMail",
        "DeregisterFromWorkMail",
        "UpdateMailboxQuota",
        "DeleteOrganization",
    ],
)
@pytest.mark.parametrize("token", [None, "token"])
@pytest.mark.parametrize("number", range(1, 12))
def test_repeating_a_call_that_was_cut_short_heals_it(
    caller: Any, context: Any, operation: str, number: int, token: str | None, *, after: bool
) -> None:
    request = prepare(caller, operation)
    if token and operation in {"CreateOrganization", "RegisterMailDomain", "DeleteOrganization"}:
        request["ClientToken"] = token
    interruption = Interruption(number, after=after)
    caller.context = replace(context, **{port: interruption.around(getattr(context, port)) for port in PORTS})
    try:
        caller(operation, **request)
    except StoppedError:
        caller.context = context
        if token is None and is_done(context, operation):
            return  # only its answer was lost, and without a token (SDKs send one) the name is taken, or gone
        caller(operation, **request)
    caller.context = context
    if operation == "DeleteOrganization":
        caller.settle()
    check(caller, context, operation, request)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "operation",
    [
        "CreateInboundMailFlowRule",
        "UpdateInboundMailFlowRule",
        "DeleteInboundMailFlowRule",
        "PutInboundDmarcSettings",
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 50, 113, 114, 115])
def test_rules_that_reached_some_domains_only_reach_all_when_the_call_is_repeated(
    caller: Any, context: Any, operation: str, number: int, *, after: bool
) -> None:
    request = prepare_rules(caller, operation)
    interruption = Interruption(number, after=after)
    caller.context = replace(context, **{port: interruption.around(getattr(context, port)) for port in PORTS})
    with contextlib.suppress(StoppedError):
        caller(operation, **request)
    caller.context = context
    caller(operation, **request)
    check_rules(context, operation)


def test_the_fuse_does_burn(caller: Any, context: Any) -> None:
    request = prepare(caller, "CreateOrganization")
    interruption = Interruption(2, after=False)
    caller.context = replace(context, **{port: interruption.around(getattr(context, port)) for port in PORTS})
    with pytest.raises(StoppedError):
        caller("CreateOrganization", **request)
    assert context.directory.organization_with_alias("acme").state == "Creating"
