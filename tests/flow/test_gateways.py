"""What a rule sends through an SMTP gateway, by the functions' own handlers: a server with TLS and a login takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.adapters.aws.gateway_passwords import KmsGatewayPasswords
from postroom.model.records import Insert, SmtpGateway
from postroom.model.relay_answers import RelayAnswer, RelayResult, RelayStage
from postroom.model.rules import ActionType
from tests.support.builders import ORG
from tests.support.ews_servers import authority
from tests.support.gateways import Gateway
from tests.support.outbound import MAIL, PLAIN, outbound
from tests.support.outbound_office import OutboundOffice
from tests.support.pipeline import CONTEXT
from tests.support.smtp_servers import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack

ADA, BOB, EVE = "ada@partner.example", "bob@partner.example", "eve@partner.example"
REFUSED = RelayAnswer(
    result=RelayResult.PERMANENT, stage=RelayStage.RCPT, code=550, status="5.1.1", text="There is no such mailbox"
)
BUSY = RelayAnswer(result=RelayResult.TEMPORARY, stage=RelayStage.RCPT, code=451, status="4.2.1", text="Come back")


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        yield server


@pytest.fixture
def office(stack: Stack, monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> Iterator[OutboundOffice]:
    """What goes to partner.example takes the gateway g-1."""
    monkeypatch.setenv("PRIVATE_SMTP_GATEWAYS", f"localhost:{gateway.port}")
    monkeypatch.setenv("PRIVATE_SMTP_CERTIFICATES", authority().pem)
    passwords = KmsGatewayPasswords(boto3.client("kms"), stack.environment["STACK_KEY_ARN"])
    record = SmtpGateway(
        organization_id=ORG,
        id="g-1",
        name="partner",
        host="localhost",
        port=gateway.port,
        user_name=USER,
        sealed_password=passwords.seal(PASSWORD, ORG, "g-1"),
    )
    rule = outbound(ActionType.SMTP_GATEWAY, recipients="partner.example", id="r1", name="partner", gateway="g-1")
    with OutboundOffice.on(stack) as made:
        made.directory.commit([Insert(record)])
        made.apply_rules(rule)
        yield made
        made.apps["transmit"].transmit.relays.close()


def test_each_recipient_ends_as_the_gateway_says_and_none_that_it_accepted_is_sent_again(
    office: OutboundOffice, gateway: Gateway
) -> None:
    gateway.refuse(BOB, REFUSED)
    gateway.refuse(EVE, BUSY)
    trace = office.submit(ADA, BOB, EVE)
    office.carried_out("transmit")
    ((sender, recipients, content),) = gateway.taken
    assert (sender, recipients) == ("ann@acme.test", [ADA])
    assert content.startswith(b"Received: by acme.test")
    assert content.partition(b"\r\n")[2] == PLAIN
    assert office.ends(trace) == {ADA: "OUTGOING_EMAIL_SENT", BOB: "OUTGOING_EMAIL_BOUNCED"}
    bounced = next(f for f in office.operator.ledger.facts(trace) if f.name.value == "OUTGOING_EMAIL_BOUNCED")
    assert "550 5.1.1 There is no such mailbox" in str(bounced.event)
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]
    (left,) = office.ways(trace)
    assert left == "g-1:1"
    assert PASSWORD not in str(office.operator.ledger.facts(trace))


def test_what_waits_for_one_gateway_takes_one_connection(office: OutboundOffice, gateway: Gateway) -> None:
    traces = [office.submit(ADA, name=f"t{number}") for number in range(3)]
    while office.carried_out("transmit"):
        pass
    assert [office.ends(trace) for trace in traces] == [{ADA: "OUTGOING_EMAIL_SENT"}] * 3
    assert (len(gateway.taken), gateway.logins) == (3, 1)


def test_of_one_batch_what_goes_to_ses_is_sent_before_what_goes_to_a_gateway(
    office: OutboundOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway may take four minutes to accept a message."""
    trace = office.submit(ADA, "carl@example.org")
    orders = sorted(office.transmissions(trace), key=lambda order: not order.gateway_id)
    bodies = [order.message for order in orders]
    begun: list[str] = []
    monkeypatch.setattr(office.apps["transmit"], "accept", lambda record: begun.append(record.body))
    records = [
        {"messageId": str(number), "body": body, "eventSourceARN": "q", "attributes": {"ApproximateReceiveCount": "1"}}
        for number, body in enumerate([*bodies, "no order", "[]"])
    ]
    office.apps["transmit"].handler({"Records": records}, CONTEXT)
    assert [order.gateway_id for order in orders] == ["g-1", ""]
    assert begun == [bodies[1], "no order", "[]", bodies[0]]
