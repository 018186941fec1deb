"""On a running stack: mail that a rule sends through an SMTP gateway."""

from __future__ import annotations

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


def _ended(running: RunningStack, trace: str) -> bytes:
    shown = running.command("trace", trace, "--json").stdout
    return shown if b"OUTGOING_EMAIL_SENT" in shown else b""
