"""Rule functions read and replace submitted messages that a rule's function is called about."""

from __future__ import annotations

from typing import Any

import pytest

from postroom.adapters.memory.customer_objects import MemoryBucket, MemoryCustomerObjects
from postroom.contracts.message_flow import ResourceNotFoundException, S3Reference
from postroom.errors import MessageNotFoundError
from postroom.message_flow.callers import Callers
from postroom.message_flow.messages import MessageFlow
from postroom.model.facts import flow_message_id, inside_trace
from postroom.model.limits import DAY_MS
from postroom.model.principals import Principal, Principals
from tests.support.outbound import PLAIN, Office, said

CALLER = Principal("arn:aws:sts::123456789012:assumed-role/rule-function/rule-function")
CARL, BEN = "carl@example.org", "ben@acme.test"


class Outbound(Office):
    """``flow`` is the API; every message is for CALLER."""

    def __init__(self) -> None:
        super().__init__()
        self.bucket = MemoryBucket()
        self.flow = MessageFlow(
            callers=Callers(Principals((CALLER.arn,)), self.transit, self.ledger, self.functions),
            owners=self.directory,
            ledger=self.ledger,
            raw=self.raw,
            transit=self.transit,
            objects=MemoryCustomerObjects(own=frozenset({"inbound-bucket"}), buckets={"mine": self.bucket}),
            now=self.now,
            available_ms=DAY_MS,
        )

    def put(self, message_id: str, content: bytes) -> None:
        self.bucket.objects["k"] = [content]
        self.flow.put(message_id, S3Reference("mine", "k"), CALLER)


@pytest.fixture
def office() -> Outbound:
    return Outbound()


def test_a_function_reads_the_message_without_bcc_and_what_it_puts_leaves(office: Outbound) -> None:
    read: list[bytes] = []
    disclaimed = PLAIN + b"-- \r\nThe company says nothing.\r\n"

    def disclaim(event: Any) -> Any:
        read.append(office.flow.get(event["messageId"], CALLER))
        office.put(event["messageId"], disclaimed)
        read.append(office.flow.get(event["messageId"], CALLER))
        return {"actions": [said("DEFAULT")]}

    office.rules(office.asks(disclaim))
    office.mail(CARL, BEN)
    assert read == [PLAIN, disclaimed]
    (order,) = office.transmissions()
    assert office.raw.read(order.raw) == disclaimed
    assert office.contents("ben") == [disclaimed]


def test_a_bcc_that_a_function_puts_reaches_no_recipient(office: Outbound) -> None:
    def archive(event: Any) -> Any:
        office.put(event["messageId"], PLAIN.replace(b"Subject:", b"Bcc: archive@example.net\r\nSubject:", 1))
        return {"actions": [said("DEFAULT")]}

    office.rules(office.asks(archive))
    office.mail(CARL, BEN)
    assert office.contents("ben") == [PLAIN]


def test_both_flows_of_a_message_are_read_by_their_own_ids(office: Outbound) -> None:
    trace = office.mail(BEN)
    for each in (trace, inside_trace(trace)):
        assert office.flow.get(flow_message_id(each), CALLER) == PLAIN


def test_a_message_that_is_only_sealed_is_not_there(office: Outbound) -> None:
    """No function is called about it; what is stored of it is ciphertext."""
    trace = office.mail(CARL)
    for ask in (office.flow.get, lambda message_id, _: office.put(message_id, PLAIN)):
        with pytest.raises(ResourceNotFoundException):
            ask(flow_message_id(trace), CALLER)


def test_a_message_is_available_for_a_day_from_its_submission(office: Outbound) -> None:
    trace = office.mail(BEN)
    office.later += DAY_MS
    with pytest.raises(ResourceNotFoundException):
        office.flow.get(flow_message_id(trace), CALLER)


def test_a_copy_that_was_removed_is_not_found(office: Outbound) -> None:
    trace = office.mail(BEN)
    for stored in list(office.raw.stored("transit/")):
        office.raw.remove(stored.key)
    with pytest.raises(ResourceNotFoundException) as caught:
        office.flow.get(flow_message_id(trace), CALLER)
    assert isinstance(caught.value.__cause__, MessageNotFoundError)
