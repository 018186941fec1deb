"""`postroom rules` about mail that the organization sends: in the same files, through gateways by their names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli.errors import RefusedError

from .conftest import BOUNCE, DROP, TAG, rows, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.in_process import InProcessStack
    from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("found")

THROUGH = {
    "name": "Through",
    "senders": ["*"],
    "recipients": ["partner.example"],
    "action": "SMTP_GATEWAY",
    "gateway": "relay",
}
SCAN: dict[str, Any] = {
    "name": "Scan",
    "senders": ["*"],
    "recipients": ["*"],
    "action": "RUN_LAMBDA",
    "lambda": {"function": "tag-subjects", "synchronous": True, "fallback": "SMTP_GATEWAY", "timeoutMinutes": 5},
    "thenGateway": "RELAY",
}


@pytest.fixture(autouse=True)
def relay(stack: InProcessStack) -> str:
    """The gateway Relay."""
    workmail = stack.client("workmail")
    (acme,) = [each for each in workmail.list_organizations()["OrganizationSummaries"] if each["Alias"] == "acme"]
    request = {"Name": "Relay", "Host": "smtp.example.net", "Port": 587, "UserName": "u", "Password": "p"}
    made = workmail.create_smtp_gateway(OrganizationId=acme["OrganizationId"], **request)["SmtpGatewayId"]
    assert isinstance(made, str)
    return made


def test_the_organization_has_the_rules_of_the_file_in_both_directions(
    run: Run, stack: InProcessStack, relay: str, tmp_path: Path
) -> None:
    file = written(tmp_path, inbound=[DROP], outbound=[THROUGH, SCAN, DROP])
    assert run("rules", "apply", file).output.splitlines() == [
        "+ create outbound 'Through': SMTP_GATEWAY (Relay), * → partner.example",
        "+ create outbound 'Scan': RUN_LAMBDA (tag-subjects, synchronous; SMTP_GATEWAY if it fails for 5 minutes, "
        "then Relay), * → *",
        "+ create 'No evil': DROP, *.evil.example → *",
        "+ create outbound 'No evil': DROP, *.evil.example → *",
        "4 to create, 0 to change, 0 to delete, 0 unchanged",
        "done: 4 created, 0 changed, 0 deleted",
    ]
    workmail = stack.client("workmail")
    (acme,) = [each for each in workmail.list_organizations()["OrganizationSummaries"] if each["Alias"] == "acme"]
    made = workmail.list_outbound_mail_flow_rules(OrganizationId=acme["OrganizationId"])["Rules"]
    actions = {rule["Name"]: rule["Action"] for rule in made}
    assert actions["Through"] == {"Type": "SMTP_GATEWAY", "SmtpGatewayId": relay}
    assert actions["Scan"]["ThenSmtpGatewayId"] == relay
    again = rows(run("rules", "apply", file, "--json"))
    assert [row["change"] for row in again] == ["unchanged"] * 4


def test_they_are_listed_and_exported_with_the_gateways_name(run: Run, tmp_path: Path) -> None:
    run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[THROUGH, SCAN]))
    listed = rows(run("rules", "list", "--json"))
    assert [(row["direction"], row["name"], row["gateway"], row["thenGateway"]) for row in listed] == [
        ("inbound", "No evil", None, None),
        ("outbound", "Scan", None, "Relay"),
        ("outbound", "Through", "Relay", None),
    ]
    exported = json.loads(run("rules", "export", "--format", "json").stdout)
    assert exported == {
        "inbound": [DROP],
        "outbound": [SCAN | {"thenGateway": "Relay"}, THROUGH | {"gateway": "Relay"}],
    }


def test_a_direction_that_the_file_does_not_name_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[THROUGH]))
    run("rules", "apply", written(tmp_path, inbound=[BOUNCE]))
    assert [row["name"] for row in rows(run("rules", "list", "--json"))] == ["Moved", "Through"]
    run("rules", "apply", written(tmp_path, outbound=[]))
    assert [row["name"] for row in rows(run("rules", "list", "--json"))] == ["Moved"]


def test_a_changed_rule_and_one_that_goes_are_those_of_their_direction(run: Run, tmp_path: Path) -> None:
    run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[DROP, THROUGH]))
    run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[DROP | {"action": "DEFAULT"}]))
    listed = rows(run("rules", "list", "--json"))
    assert [(row["direction"], row["action"]) for row in listed] == [("inbound", "DROP"), ("outbound", "DEFAULT")]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_gateway_that_is_not_there_is_refused_before_anything_changes(run: Run, tmp_path: Path, command: str) -> None:
    result = run("rules", command, written(tmp_path, inbound=[DROP], outbound=[THROUGH | {"gateway": "Other"}]))
    assert isinstance(result.exception, RefusedError)
    assert str(result.exception).startswith("rule 'Through' names SMTP gateway 'Other', which the organization")
    assert rows(run("rules", "list", "--json")) == []


def test_a_test_is_of_one_direction(run: Run, tmp_path: Path) -> None:
    run("rules", "apply", written(tmp_path, inbound=[TAG], outbound=[THROUGH, SCAN]))
    request = ("--from", "ann@acme.example", "--to", "ben@partner.example,eve@else.example")
    ben, eve = rows(run("rules", "test", "--outbound", *request, "--json"))
    assert (ben["rule"], ben["action"], ben["gateway"]) == ("Through", "SMTP_GATEWAY", "Relay")
    assert (eve["rule"], eve["lambda"], eve["gateway"]) == ("Scan", SCAN["lambda"], "Relay")
    inbound, _ = rows(run("rules", "test", *request, "--json"))
    assert (inbound["rule"], inbound["gateway"]) == ("Tag subjects", None)
    lines = run("rules", "test", "--outbound", *request).output.splitlines()
    assert lines[0] == "ben@partner.example: SMTP_GATEWAY Relay by rule 'Through'"
    assert "eve@else.example: RUN_LAMBDA tag-subjects, then Relay by rule 'Scan'" in lines
