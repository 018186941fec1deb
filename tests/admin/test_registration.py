"""Registration, primary addresses and aliases."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 24 * 3600 * 1000


@pytest.fixture
def ann(caller: Any, acme: str) -> str:
    """A disabled user."""
    user: str = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
    return user


def addresses(context: Any, organization: str, *names: str) -> dict[str, str]:
    found = context.directory.resolve(organization, [f"{name}@example.com" for name in names])
    return {address: addressee.entity_id for address, addressee in found.items()}


class TestRegister:
    def test_a_user_gets_a_mailbox_and_an_address(self, caller: Any, acme: str, ann: str, context: Any) -> None:
        caller("RegisterToWorkMail", OrganizationId=acme, EntityId="ann", Email="Ann@Example.com")
        found = caller("DescribeUser", OrganizationId=acme, UserId=ann)
        assert (found["State"], found["Email"]) == ("ENABLED", "Ann@Example.com")
        assert found["EnabledDate"] == found["MailboxProvisionedDate"]
        addressee = context.directory.resolve(acme, ["ann@example.com"])["ann@example.com"]
        assert (addressee.has_mailbox, addressee.primary_address) == (True, "ann@example.com")
        assert context.mailboxes.heads[ann].quota_bytes == 51_200 << 20

    def test_a_group_and_a_remote_user_get_an_address_only(self, caller: Any, acme: str, context: Any) -> None:
        group = caller("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]
        remote = caller("CreateUser", OrganizationId=acme, Name="r", DisplayName="R", Role="REMOTE_USER")["UserId"]
        for entity, address in ((group, "team@example.com"), (remote, "r@example.com")):
            caller("RegisterToWorkMail", OrganizationId=acme, EntityId=entity, Email=address)
            assert not context.directory.resolve(acme, [address])[address].has_mailbox
        assert context.mailboxes.heads == {}
        assert "MailboxProvisionedDate" not in caller("DescribeUser", OrganizationId=acme, UserId=remote)
        assert context.directory.domain("example.com").fallback_mailbox is None

    def test_twice_the_same_is_once_and_another_address_is_refused(self, caller: Any, acme: str, ann: str) -> None:
        request = {"OrganizationId": acme, "EntityId": ann}
        caller("RegisterToWorkMail", **request, Email="ann@example.com")
        before = caller("DescribeUser", OrganizationId=acme, UserId=ann)
        caller("RegisterToWorkMail", **request, Email="ANN@example.com")
        assert caller("DescribeUser", OrganizationId=acme, UserId=ann) == before
        caller.refused("EntityAlreadyRegisteredException", "RegisterToWorkMail", **request, Email="b@example.com")

    def test_domain_and_address_must_be_there_to_give(self, caller: Any, acme: str, ann: str, context: Any) -> None:
        request = {"OrganizationId": acme, "EntityId": ann}
        caller.refused("MailDomainNotFoundException", "RegisterToWorkMail", **request, Email="a@unknown.org")
        context.domain_services.unverified.add("new.org")
        caller("RegisterMailDomain", OrganizationId=acme, DomainName="new.org")
        caller.refused("MailDomainStateException", "RegisterToWorkMail", **request, Email="a@new.org")
        context.domain_services.unverified.clear()
        caller("RegisterToWorkMail", **request, Email="a@new.org")
        bob = caller("CreateUser", OrganizationId=acme, Name="bob", DisplayName="Bob")["UserId"]
        caller.refused(
            "EmailAddressInUseException", "RegisterToWorkMail", OrganizationId=acme, EntityId=bob, Email="A@new.org"
        )
        assert bob not in context.mailboxes.heads

    def test_deleted_and_unknown_ones_are_refused(self, caller: Any, acme: str, ann: str) -> None:
        caller("DeleteUser", OrganizationId=acme, UserId=ann)
        request = {"OrganizationId": acme, "Email": "a@example.com"}
        caller.refused("EntityStateException", "RegisterToWorkMail", **request, EntityId=ann)
        caller.refused("EntityNotFoundException", "RegisterToWorkMail", **request, EntityId="nobody")

    def test_a_disabled_key_is_told_and_nothing_is_registered(
        self, caller: Any, acme: str, ann: str, context: Any
    ) -> None:
        context.mailbox_keys.disabled = True
        request = {"OrganizationId": acme, "EntityId": ann, "Email": "ann@example.com"}
        assert "KMS key" in caller.refused("OrganizationStateException", "RegisterToWorkMail", **request)
        assert caller("DescribeUser", OrganizationId=acme, UserId=ann)["State"] == "DISABLED"
        context.mailbox_keys.disabled = False
        caller("RegisterToWorkMail", **request)

    def test_of_two_at_once_one_gets_the_address(self, caller: Any, acme: str, context: Any) -> None:
        names = [f"u{number}" for number in range(6)]
        for name in names:
            caller("CreateUser", OrganizationId=acme, Name=name, DisplayName=name)
        start, answers = threading.Barrier(len(names)), []

        def register(name: str) -> None:
            mine = type(caller)(context, caller.now)
            start.wait()
            try:
                mine("RegisterToWorkMail", OrganizationId=acme, EntityId=name, Email="ceo@example.com")
            except Exception as error:  # noqa: BLE001 - looked at below
                answers.append(getattr(error, "code", repr(error)))
            else:
                answers.append("won")

        threads = [threading.Thread(target=register, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == ["EmailAddressInUseException"] * 5 + ["won"]


class TestDeregister:
    def test_addresses_go_and_the_mailbox_stays_for_thirty_days(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        caller("CreateAlias", OrganizationId=acme, EntityId=ann, Alias="a2@example.com")
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId="ann@example.com")
        found = caller("DescribeUser", OrganizationId=acme, UserId=ann)
        assert found["State"] == "DISABLED"
        assert "Email" not in found
        assert found["DisabledDate"] == caller.now / 1000 - 1
        assert context.directory.entity(acme, ann).mailbox_kept_until == caller.now - 1000 + 30 * DAY
        assert ann in context.mailboxes.heads
        assert addresses(context, acme, "ann", "a2") == {}
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        bob = enable("bob")
        caller("CreateAlias", OrganizationId=acme, EntityId=bob, Alias="ann@example.com")

    def test_back_again_is_the_same_mailbox(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        key = context.mailboxes.heads[ann].wrapped_key
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        caller("RegisterToWorkMail", OrganizationId=acme, EntityId=ann, Email="new@example.com")
        assert context.mailboxes.heads[ann].wrapped_key == key
        assert context.directory.entity(acme, ann).mailbox_kept_until is None
        assert "DisabledDate" not in caller("DescribeUser", OrganizationId=acme, UserId=ann)

    def test_a_hundred_aliases_go_with_it(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        for number in range(100):
            caller("CreateAlias", OrganizationId=acme, EntityId=ann, Alias=f"a{number}@example.com")
        caller.refused(
            "LimitExceededException", "CreateAlias", OrganizationId=acme, EntityId=ann, Alias="a100@example.com"
        )
        caller.refused(
            "InvalidParameterException",
            "UpdatePrimaryEmailAddress",
            OrganizationId=acme,
            EntityId=ann,
            Email="new@example.com",
        )
        caller("UpdatePrimaryEmailAddress", OrganizationId=acme, EntityId=ann, Email="a7@example.com")
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        assert context.directory.addresses_in("example.com", 1) == []
        assert context.directory.entity(acme, ann).releasing == ()

    def test_deleted_and_unknown_ones_are_refused(self, caller: Any, acme: str, ann: str) -> None:
        caller("DeleteUser", OrganizationId=acme, UserId=ann)
        caller.refused("EntityStateException", "DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        caller.refused("EntityNotFoundException", "DeregisterFromWorkMail", OrganizationId=acme, EntityId="nobody")


class TestFallbackMailbox:
    def test_it_is_the_first_enabled_user_and_passes_on(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        def fallback() -> set[str | None]:
            return {context.directory.domain(name).fallback_mailbox for name in ("example.com", "acme.mail.test")}

        enable("team", kind="Group")
        assert fallback() == {None}
        zoe, ann, bob = enable("zoe"), enable("ann"), enable("bob")
        assert fallback() == {zoe}
        caller("RegisterMailDomain", OrganizationId=acme, DomainName="later.org")
        assert context.directory.domain("later.org").fallback_mailbox == zoe
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        assert fallback() == {zoe}
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=zoe)
        assert fallback() == {bob}
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=bob)
        assert fallback() == {None}

    def test_every_domain_of_a_large_organization_learns_of_it(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        names = [f"d{number:03}.example.org" for number in range(250)]
        for name in names:
            caller("RegisterMailDomain", OrganizationId=acme, DomainName=name)
        ann = enable("ann")
        assert {context.directory.domain(name).fallback_mailbox for name in names} == {ann}
        assert context.directory.organization(acme).spread
        caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
        caller.settle()
        assert context.domain_services.routed == set()


class TestPrimaryAddress:
    def test_the_old_one_becomes_an_alias_and_an_alias_is_swapped(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "EntityId": "ann"}
        caller("UpdatePrimaryEmailAddress", **request, Email="New@example.com")
        assert caller("DescribeUser", OrganizationId=acme, UserId=ann)["Email"] == "New@example.com"
        assert caller("ListAliases", OrganizationId=acme, EntityId=ann) == {"Aliases": ["ann@example.com"]}
        caller("UpdatePrimaryEmailAddress", **request, Email="ann@example.com")
        assert caller("ListAliases", OrganizationId=acme, EntityId=ann) == {"Aliases": ["New@example.com"]}
        caller("UpdatePrimaryEmailAddress", **request, Email="ANN@example.com")
        assert addresses(context, acme, "ann", "new") == {"ann@example.com": ann, "new@example.com": ann}

    def test_it_needs_an_enabled_entity_and_a_free_address(
        self, caller: Any, acme: str, ann: str, enable: Callable[..., str]
    ) -> None:
        enable("bob")
        request = {"OrganizationId": acme, "EntityId": ann}
        caller.refused("EntityStateException", "UpdatePrimaryEmailAddress", **request, Email="x@example.com")
        caller("RegisterToWorkMail", **request, Email="ann@example.com")
        caller.refused("EmailAddressInUseException", "UpdatePrimaryEmailAddress", **request, Email="bob@example.com")
        caller.refused("MailDomainNotFoundException", "UpdatePrimaryEmailAddress", **request, Email="a@unknown.org")


class TestAliases:
    def test_they_come_go_and_are_listed_by_address(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "EntityId": ann}
        for name in ("C", "a", "B"):
            caller("CreateAlias", **request, Alias=f"{name}@example.com")
        caller("CreateAlias", **request, Alias="c@example.com")
        first = caller("ListAliases", **request, MaxResults=2)
        assert first["Aliases"] == ["a@example.com", "B@example.com"]
        second = caller("ListAliases", **request, MaxResults=2, NextToken=first["NextToken"])
        assert second == {"Aliases": ["C@example.com"]}
        caller("DeleteAlias", **request, Alias="b@example.com")
        caller("DeleteAlias", **request, Alias="b@example.com")
        assert caller("ListAliases", **request)["Aliases"] == ["a@example.com", "C@example.com"]
        assert addresses(context, acme, "b") == {}
        caller.refused("InvalidParameterException", "DeleteAlias", **request, Alias="ann@example.com")

    def test_groups_have_them_too_and_nobody_twice(self, caller: Any, acme: str, enable: Callable[..., str]) -> None:
        ann, team = enable("ann"), enable("team", kind="Group")
        caller("CreateAlias", OrganizationId=acme, EntityId=team, Alias="all@example.com")
        caller.refused(
            "EmailAddressInUseException", "CreateAlias", OrganizationId=acme, EntityId=ann, Alias="All@example.com"
        )

    def test_the_entity_is_named_by_its_id_and_enabled(self, caller: Any, acme: str, ann: str) -> None:
        alias = {"OrganizationId": acme, "Alias": "x@example.com"}
        caller.refused("EntityStateException", "CreateAlias", **alias, EntityId=ann)
        caller("RegisterToWorkMail", OrganizationId=acme, EntityId=ann, Email="ann@example.com")
        caller.refused("EntityNotFoundException", "CreateAlias", **alias, EntityId="ann@example.com")
        caller.refused("EntityNotFoundException", "ListAliases", OrganizationId=acme, EntityId="ann@example.com")
        caller.refused(
            "MailDomainNotFoundException", "CreateAlias", OrganizationId=acme, EntityId=ann, Alias="x@un.org"
        )
