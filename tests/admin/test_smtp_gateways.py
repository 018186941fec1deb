"""SMTP gateways: what the API accepts and returns, their passwords, and rules that name them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.gateway_passwords import MemoryGatewayPasswords
from postroom.admin.smtp_gateways import MAX_GATEWAYS

if TYPE_CHECKING:
    from collections.abc import Callable

Create, Update, Delete = "CreateSmtpGateway", "UpdateSmtpGateway", "DeleteSmtpGateway"
Describe, List = "DescribeSmtpGateway", "ListSmtpGateways"
CreateRule, DeleteRule = "CreateOutboundMailFlowRule", "DeleteOutboundMailFlowRule"

RELAY = {"Name": "Relay", "Host": "smtp.example.net", "Port": 587, "UserName": "acme"}
SECRET = {"Password": "s3cret wörd"}
FOR_ALL = {"SenderPatterns": ["*"], "RecipientPatterns": ["*"]}


@pytest.fixture
def create(caller: Any, acme: str) -> Callable[..., str]:
    """Create a gateway and return its id."""

    def make(**changes: Any) -> str:
        made: str = caller(Create, OrganizationId=acme, **{**RELAY, **SECRET, **changes})["SmtpGatewayId"]
        return made

    return make


@pytest.fixture
def password(context: Any, acme: str) -> Callable[[str], str]:
    """The password that outbound mail would send to a gateway."""

    def read(gateway_id: str) -> str:
        held = context.gateway_passwords
        assert isinstance(held, MemoryGatewayPasswords)
        sealed = context.directory.gateway(acme, gateway_id).sealed_password
        return held.open(sealed, acme, gateway_id)

    return read


def through(gateway_id: str) -> dict[str, Any]:
    return {**FOR_ALL, "Action": {"Type": "SMTP_GATEWAY", "SmtpGatewayId": gateway_id}}


@pytest.mark.parametrize(("host", "port"), [("Relay.corp.internal", 587), ("127.0.0.1", 2526)])
def test_a_private_host_is_taken_if_the_stacks_owner_has_listed_it_with_the_port(
    caller: Any, acme: str, create: Callable[..., str], host: str, port: int
) -> None:
    made = create(Host=host, Port=port)
    assert caller(Describe, OrganizationId=acme, SmtpGatewayId=made)["Host"] == host.lower()
    other = {**RELAY, **SECRET, "Name": "Another", "Host": host, "Port": 2525}
    assert "Host:" in caller.refused("InvalidParameterException", Create, OrganizationId=acme, **other)


def test_a_gateway_comes_back_as_it_was_made_and_its_password_never(
    caller: Any, acme: str, create: Callable[..., str], password: Callable[[str], str]
) -> None:
    made = create(Host="SMTP.Example.NET")
    found = caller(Describe, OrganizationId=acme, SmtpGatewayId=made)
    assert found == {"SmtpGatewayId": made, **RELAY}
    assert caller(List, OrganizationId=acme) == {"SmtpGateways": [found]}
    assert password(made) == SECRET["Password"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Name": ""}, "'name'"),
        ({"Name": "x" * 65}, "'name'"),
        ({"Name": " x"}, "'name'"),
        ({"Name": "a\nb"}, "'name'"),
        ({"Host": "a" * 256}, "'host'"),
        ({"Host": "localhost"}, "Host: localhost is not a name on the public internet"),
        ({"Host": "169.254.169.254"}, "Host: 169.254.169.254 is not an address on the public internet"),
        ({"Host": "smtp"}, "Host: smtp has no dot"),
        ({"Host": "smtp.example.net:587"}, "Host: 'smtp.example.net:587' is not a host name"),
        ({"Port": 0}, "'port'"),
        ({"Port": 65536}, "'port'"),
        ({"Port": 25}, "Port: AWS blocks port 25"),
        ({"UserName": ""}, "'userName'"),
        ({"UserName": "a\r\nQUIT"}, "'userName'"),
        ({"Password": ""}, "'password'"),
        ({"Password": "long" * 65}, "'password'"),
        ({"Password": "a\r\nQUIT"}, "'password'"),
        *(({name: None}, "must not be null") for name in (*RELAY, *SECRET)),
    ],
)
def test_what_is_no_gateway_is_refused_in_words_without_the_password(
    caller: Any, acme: str, changes: dict[str, Any], said: str
) -> None:
    request = {"OrganizationId": acme, **RELAY, **SECRET, **changes}
    text = caller.refused("InvalidParameterException", Create, **request)
    assert said in text
    assert str(request["Password"] or "?" * 9) not in text
    assert caller(List, OrganizationId=acme) == {"SmtpGateways": []}


def test_an_update_replaces_all_but_a_password_that_is_not_given(
    caller: Any, acme: str, create: Callable[..., str], password: Callable[[str], str]
) -> None:
    named = {"OrganizationId": acme, "SmtpGatewayId": create()}
    changed = RELAY | {"Name": "RELAY", "Port": 465, "UserName": "other"}
    assert caller(Update, **named, **changed) == {}
    assert caller(Describe, **named) == {"SmtpGatewayId": named["SmtpGatewayId"], **changed}
    assert password(named["SmtpGatewayId"]) == SECRET["Password"]
    caller(Update, **named, **RELAY, Password="another")
    assert password(named["SmtpGatewayId"]) == "another"


def test_another_host_does_not_get_the_password_of_the_former(
    caller: Any, acme: str, create: Callable[..., str], password: Callable[[str], str]
) -> None:
    named = {"OrganizationId": acme, "SmtpGatewayId": create()}
    moved = RELAY | {"Host": "smtp.evil.example"}
    assert "Password: a new host" in caller.refused("InvalidParameterException", Update, **named, **moved)
    assert caller(Describe, **named)["Host"] == RELAY["Host"]
    caller(Update, **named, **RELAY | {"Host": "SMTP.EXAMPLE.net"})
    caller(Update, **named, **moved, Password="another")
    assert caller(Describe, **named)["Host"] == "smtp.evil.example"
    assert password(named["SmtpGatewayId"]) == "another"


def test_an_update_that_changes_nothing_writes_nothing(
    caller: Any, acme: str, context: Any, create: Callable[..., str]
) -> None:
    made = create()
    before = context.directory.organization(acme)
    caller(Update, OrganizationId=acme, SmtpGatewayId=made, **RELAY)
    assert context.directory.organization(acme) == before


def test_a_name_is_taken_whatever_its_case_until_its_gateway_is_gone(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    first, second = create(Name="Straße"), create(Name="other")
    taken = {"OrganizationId": acme, **RELAY, "Name": "STRASSE"}
    caller.refused("NameAvailabilityException", Create, **taken, **SECRET)
    caller.refused("NameAvailabilityException", Update, SmtpGatewayId=second, **taken)
    caller(Delete, OrganizationId=acme, SmtpGatewayId=first)
    create(Name="straße")


def test_unknown_gateways_are_not_found_and_deleting_them_is_no_error(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    named = {"OrganizationId": other, "SmtpGatewayId": create()}
    caller.refused("EntityNotFoundException", Describe, **named)
    caller.refused("EntityNotFoundException", Update, **named, **RELAY)
    assert caller(Delete, **named) == {}
    assert len(caller(List, OrganizationId=acme)["SmtpGateways"]) == 1


def test_a_client_token_gets_the_same_answer_and_tells_no_password_from_another(
    caller: Any, acme: str, create: Callable[..., str], password: Callable[[str], str]
) -> None:
    made = create(ClientToken="t")
    assert create(ClientToken="t") == made
    assert create(ClientToken="t", Password="another") == made
    assert password(made) == SECRET["Password"]
    caller.refused(
        "InvalidParameterException", Create, OrganizationId=acme, **{**RELAY, "Port": 1}, **SECRET, ClientToken="t"
    )


def test_there_are_only_so_many(caller: Any, acme: str, create: Callable[..., str]) -> None:
    made = [create(Name=f"r{number}") for number in range(MAX_GATEWAYS)]
    text = caller.refused("LimitExceededException", Create, OrganizationId=acme, **RELAY, **SECRET)
    assert str(MAX_GATEWAYS) in text
    page = caller(List, OrganizationId=acme, MaxResults=60)
    rest = caller(List, OrganizationId=acme, MaxResults=60, NextToken=page["NextToken"])
    assert [row["SmtpGatewayId"] for row in (*page["SmtpGateways"], *rest["SmtpGateways"])] == sorted(made)
    assert "NextToken" not in rest


def test_where_the_key_is_disabled_no_gateway_is_made(caller: Any, acme: str, context: Any) -> None:
    context.gateway_passwords.disabled = True
    request = {"OrganizationId": acme, **RELAY, **SECRET}
    assert "KMS key" in caller.refused("OrganizationStateException", Create, **request)
    assert caller(List, OrganizationId=acme) == {"SmtpGateways": []}


def test_they_go_with_their_organization(caller: Any, acme: str, context: Any, create: Callable[..., str]) -> None:
    for number in range(MAX_GATEWAYS):
        gateway = create(Name=f"r{number}")
    caller(CreateRule, OrganizationId=acme, Name="r", **through(gateway))
    caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    caller.settle()
    assert context.directory.gateways(acme, None, 1).items == []
    caller.refused("OrganizationStateException", List, OrganizationId=acme)
    caller.refused("OrganizationStateException", Create, OrganizationId=acme, **RELAY, **SECRET)


class TestInUse:
    def test_a_gateway_that_rules_name_stays_and_the_rules_are_named(
        self, caller: Any, acme: str, create: Callable[..., str]
    ) -> None:
        gateway, spare = create(), create(Name="Spare")
        rules = [
            caller(CreateRule, OrganizationId=acme, Name=f"Through {number}", **through(gateway))["RuleId"]
            for number in range(7)
        ]
        text = caller.refused("EntityStateException", Delete, OrganizationId=acme, SmtpGatewayId=gateway)
        assert text == (
            "Outbound mail-flow rules use SMTP gateway Relay: "
            "Through 0, Through 1, Through 2, Through 3, Through 4 and 2 more."
        )
        assert caller(Delete, OrganizationId=acme, SmtpGatewayId=spare) == {}
        for rule in rules:
            caller(DeleteRule, OrganizationId=acme, RuleId=rule)
        assert caller(Delete, OrganizationId=acme, SmtpGatewayId=gateway) == {}
        assert caller(List, OrganizationId=acme) == {"SmtpGateways": []}

    @pytest.mark.parametrize("first", ["rule", "gateway"])
    def test_of_a_rule_that_names_it_and_its_deletion_at_once_the_second_decides_anew(
        self, caller: Any, acme: str, context: Any, create: Callable[..., str], first: str
    ) -> None:
        """Both read before either writes; the second finds the change of the first and is refused."""
        gateway = create()
        both_have_read, first_has_written = threading.Barrier(2), threading.Event()

        class Slow:
            """A directory whose first commit waits until the other has read, and whose second waits for the first."""

            def __init__(self, *, is_first: bool) -> None:
                self.is_first = is_first
                self.waited = False

            def commit(self, changes: Any) -> None:
                if not self.waited:
                    self.waited = True
                    both_have_read.wait(10)
                    if not self.is_first:
                        assert first_has_written.wait(10)
                context.directory.commit(changes)
                if self.is_first:
                    first_has_written.set()

            def __getattr__(self, name: str) -> Any:
                return getattr(context.directory, name)

        refused: dict[str, str] = {}

        def change(who: str, code: str, operation: str, **request: Any) -> None:
            slow = replace(caller, context=replace(context, directory=Slow(is_first=who == first)))
            if who == first:
                slow(operation, OrganizationId=acme, **request)
            else:
                refused[who] = slow.refused(code, operation, OrganizationId=acme, **request)

        making = ("rule", "InvalidParameterException", CreateRule), {"Name": "Through", **through(gateway)}
        deleting = ("gateway", "EntityStateException", Delete), {"SmtpGatewayId": gateway}
        threads = [threading.Thread(target=change, args=who, kwargs=request) for who, request in (making, deleting)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if first == "rule":
            assert refused == {"gateway": "Outbound mail-flow rules use SMTP gateway Relay: Through."}
        else:
            assert refused == {"rule": f"SmtpGatewayId: there is no SMTP gateway {gateway} in the organization."}
