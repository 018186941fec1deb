"""On a running stack: mail that a rule sends through an SMTP gateway."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.running_stack import wait_for
from tests.support.smtp_servers import PASSWORD, USER

if TYPE_CHECKING:
    from tests.support.gateways import Gateway
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

MAIL = b"From: ann@relayed.example\r\nTo: carl@partner.example\r\nSubject: caf\xe9\r\n\r\n.\r\n\xff\r\n"


def test_a_local_server_gets_what_a_rule_sends_it(running: RunningStack, gateway: Gateway) -> None:
    organization = running.organization("relayed")
    ann = running.user(organization, "ann", "ann@relayed.example")
    workmail: Any = running.client("workmail")
    of = {"OrganizationId": organization}
    with pytest.raises(workmail.exceptions.InvalidParameterException, match="Host"):
        workmail.create_smtp_gateway(**of, Name="x", Host="localhost", Port=587, UserName=USER, Password=PASSWORD)
    made = workmail.create_smtp_gateway(
        **of, Name="partner", Host="localhost", Port=gateway.port, UserName=USER, Password=PASSWORD
    )
    workmail.create_outbound_mail_flow_rule(
        **of,
        Name="to the partner",
        SenderPatterns=["*"],
        RecipientPatterns=["partner.example"],
        Action={"Type": "SMTP_GATEWAY", "SmtpGatewayId": made["SmtpGatewayId"]},
    )
    said = workmail.submit_raw_message(**of, UserId=ann, RawMessage=MAIL)
    (taken,) = wait_for(lambda: [mail for mail in gateway.taken if mail[0] == "ann@relayed.example"])
    assert taken[1] == ["carl@partner.example"]
    assert taken[2].endswith(MAIL)
    trace = wait_for(lambda: _ended(running, said["TraceId"]))
    assert PASSWORD.encode() not in trace


def test_what_waits_for_a_gateway_is_listed_and_leaves_at_once_when_it_is_corrected(
    running: RunningStack, gateway: Gateway
) -> None:
    organization = running.organization("queued")
    ann = running.user(organization, "ann", "ann@queued.example")
    workmail: Any = running.client("workmail")
    of = {"OrganizationId": organization}
    settings = {"Name": "slow", "Host": "localhost", "Port": gateway.port, "UserName": USER}
    made = workmail.create_smtp_gateway(**of, **settings, Password="wrong")
    action = {"Type": "SMTP_GATEWAY", "SmtpGatewayId": made["SmtpGatewayId"]}
    workmail.create_outbound_mail_flow_rule(
        **of, Name="slow", SenderPatterns=["*"], RecipientPatterns=["*"], Action=action
    )
    trace = workmail.submit_raw_message(**of, UserId=ann, RawMessage=MAIL.replace(b"relayed", b"queued"))["TraceId"]
    for attempts in range(1, 4):  # then the next attempt by itself is 48 seconds away, at a fifth of all delays
        row = wait_for(partial(_waits, running, attempts))
        assert (row["traceId"], row["recipients"]) == (trace, ["carl@partner.example"])
        assert (row["gateway"], row["server"], row["organization"]) == ("slow", "localhost", "queued")
        assert row["reason"].startswith("535")
        assert running.command("queue", "retry", trace).stdout == f"{trace}: tried now\n".encode()
    wait_for(lambda: _waits(running, 4))
    workmail.update_smtp_gateway(**of, SmtpGatewayId=made["SmtpGatewayId"], **settings, Password=PASSWORD)
    said = running.command("queue", "retry", "--gateway", "slow", "--organization", "queued")
    assert said.stdout == f"{trace}: tried now\n".encode()
    wait_for(lambda: [mail for mail in gateway.taken if mail[0] == "ann@queued.example"], 20)
    wait_for(lambda: _ended(running, trace))
    assert running.command("queue", "list", "--organization", "queued").stdout == b"nothing waits to leave\n"


def _waits(running: RunningStack, attempts: int) -> Any:
    """Return what waits, once that many attempts have failed."""
    rows = running.rows("queue", "list", "--organization", "queued")
    return next((row for row in rows if row["attempts"] >= attempts and not row["isRunning"]), None)


def _ended(running: RunningStack, trace: str) -> bytes:
    shown = running.command("trace", trace, "--json").stdout
    return shown if b"OUTGOING_EMAIL_SENT" in shown else b""
