"""Events of a scenario in which deliver gets many orders in one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.harness import Harness


def one_batch(harness: Harness) -> None:
    """Four messages for Ann come in one batch with those for others; one order comes twice.

    One does not fit in Fay's mailbox; one nearly fills Quinn's.
    """
    for name, *others in (("m1",), ("m2", "fay"), ("m3", "ben"), ("m4", "quinn")):
        harness.arrive(name, "ann@acme.test", *(f"{other}@acme.test" for other in others))
    harness.hand_out("INGEST_QUEUE_URL")
    twice, *_ = harness.queued()["deliver"]
    harness.stack.sqs.send_message(QueueUrl=harness.stack.environment["DELIVER_QUEUE_URL"], MessageBody=twice)
    harness.pump()
