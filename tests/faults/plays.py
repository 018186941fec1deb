"""The events of the scenarios: messages that arrive, losses, and operators' commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import boto3

from postroom.adapters.aws.queues import SqsQueues
from tests.faults.injector import Killed
from tests.faults.organizations import MANY, fails
from tests.support.builders import NOON, ORG, notification
from tests.support.commits import before_chunks
from tests.support.invitations import calendar, event, mail
from tests.support.rule_callees import ALL as CALLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.harness import Harness

PLAIN: Final = b"From: Bob <bob@example.org>\r\nMessage-ID: <m1@example.org>\r\nSubject: plums\r\n\r\nten\r\n"
"""A message that a rule's function may replace."""


def killed(_: Any) -> None:
    """End the worker."""
    raise Killed


def one_message(*recipients: str, **more: Any) -> Callable[[Harness], None]:
    """Return a play: the message m1 arrives, and all queues are handed out."""

    def play(harness: Harness) -> None:
        harness.arrive("m1", *recipients, **more)
        harness.pump()

    return play


def two_messages(harness: Harness) -> None:
    """Two messages with a common recipient arrive at once."""
    harness.arrive("m1", "group@acme.test", "ann@acme.test")
    harness.arrive("m2", "ann@acme.test", "nobody@acme.test")
    harness.pump()


def invitation(message_id: str, author: str, to: str, *lines: str, method: str = "REQUEST", **more: Any) -> bytes:
    """Return a message about one meeting of one hour."""
    fields = {"start": "20301203T100000Z", "end": "20301203T110000Z", "uid": message_id, **more}
    text = event(*lines, organizer=author, attendees=[f";PARTSTAT=NEEDS-ACTION:mailto:{to}"], **fields)
    return mail(calendar(text, method=method), author=author, to=to, method=method, name=message_id)


def invited(harness: Harness) -> None:
    """Ben is invited by Ann."""
    harness.arrive("m1", "ben@acme.test", content=invitation("m1", "ann@acme.test", "ben@acme.test"))
    harness.pump()


def one_hour_twice(harness: Harness) -> None:
    """Ann and Ben ask for the room at the same hour, at once."""
    for message_id, author in (("m1", "ann@acme.test"), ("m2", "ben@acme.test")):
        content = invitation(message_id, author, "room@acme.test")
        harness.arrive(message_id, "room@acme.test", content=content)
    harness.pump()


def left_to_delegates(harness: Harness) -> None:
    """Ann asks for the board room."""
    content = invitation("m1", "ann@acme.test", "board@acme.test")
    harness.arrive("m1", "board@acme.test", content=content)
    harness.pump()


def invited_moved_and_cancelled(harness: Harness) -> None:
    """Ben is invited by Ann; the meeting is moved, then cancelled."""
    ben, moved = "ben@acme.test", {"start": "20301203T120000Z", "end": "20301203T130000Z"}
    contents = (
        invitation("m1", "ann@acme.test", ben, uid="u"),
        invitation("m2", "ann@acme.test", ben, uid="u", sequence=1, **moved),
        invitation("m3", "ann@acme.test", ben, "STATUS:CANCELLED", method="CANCEL", uid="u", sequence=2, **moved),
    )
    for number, content in enumerate(contents, 1):
        harness.arrive(f"m{number}", ben, content=content)
        harness.pump()


def cancelled_before_invited(harness: Harness) -> None:
    """Ann cancels one day of a series, then all of it; Ben gets both before the invitation."""
    ben, daily = "ben@acme.test", "RRULE:FREQ=DAILY;COUNT=3"
    day = ("RECURRENCE-ID:20301204T100000Z", "STATUS:CANCELLED")
    contents = (
        invitation("m1", "ann@acme.test", ben, *day, method="CANCEL", uid="u", sequence=1),
        invitation("m2", "ann@acme.test", ben, "STATUS:CANCELLED", method="CANCEL", uid="u", sequence=2),
        invitation("m3", "ann@acme.test", ben, daily, uid="u"),
    )
    for number, content in enumerate(contents, 1):
        harness.arrive(f"m{number}", ben, content=content)
        harness.pump()


def invited_without_key(harness: Harness) -> None:
    """Ben is invited by Ann; the organization's key is disabled after the delivery, then enabled again."""
    harness.arrive("m1", "ben@acme.test", content=invitation("m1", "ann@acme.test", "ben@acme.test"))
    harness.hand_out("INGEST_QUEUE_URL")
    harness.hand_out("DELIVER_QUEUE_URL")
    kms, key = boto3.client("kms"), harness.pipeline.kms_key
    kms.disable_key(KeyId=key)
    try:
        harness.pump()
    finally:
        kms.enable_key(KeyId=key)


def invited_and_redriven(harness: Harness) -> None:
    """As invited_without_key, then an operator redrives it."""
    invited_without_key(harness)
    redrive_all(harness)


def announced_in_two_parts(harness: Harness) -> None:
    """Two receipt rules announce one message, with different recipients."""
    harness.arrive("m1", "ann@acme.test")
    harness.announce(notification("m1", ["ben@acme.test", "ann@acme.test"]))
    harness.pump()


def unusable_key(harness: Harness) -> None:
    """The organization's key is disabled while the message arrives; then it is enabled again."""
    kms, key = boto3.client("kms"), harness.pipeline.kms_key
    kms.disable_key(KeyId=key)
    try:
        harness.arrive("m1", "ann@acme.test")
        harness.pump()
    finally:
        kms.enable_key(KeyId=key)


def redrive_all(harness: Harness) -> None:
    """An operator redrives everything that is parked; the sweep finishes interrupted redrives."""
    operator = harness.pipeline.operator.parking
    harness.operate(lambda: [operator.redrive(parked) for parked in list(operator.list())])
    harness.pump()
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def discard_all(harness: Harness) -> None:
    """An operator discards everything that is parked."""
    operator = harness.pipeline.operator.parking
    harness.operate(lambda: [operator.discard(parked) for parked in list(operator.list())])


def redriven(harness: Harness) -> None:
    """As unusable_key, then an operator redrives it."""
    unusable_key(harness)
    redrive_all(harness)


def discarded(harness: Harness) -> None:
    """As unusable_key, then an operator discards it."""
    unusable_key(harness)
    discard_all(harness)


def nonsense(harness: Harness) -> None:
    """A notification for an unknown domain is parked."""
    harness.arrive("m1", "somebody@nowhere.test")
    harness.pump()


def dead_letter(harness: Harness) -> None:
    """Orders that deliver never received become dead letters; park reads them."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.make_dead_letters("DELIVER")
    harness.pump()


def flow_given_up(harness: Harness) -> None:
    """Ingest is killed after the first transaction of a large flow; its notification becomes a dead letter."""
    harness.arrive("m1", "group@acme.test")
    with patch.object(SqsQueues, "send", side_effect=[None, Killed]):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.make_dead_letters("INGEST")
    harness.pump()


def flow_redriven(harness: Harness) -> None:
    """As flow_given_up, then an operator redrives it."""
    flow_given_up(harness)
    redrive_all(harness)


def half_given_up(harness: Harness) -> None:
    """As flow_given_up, with another recipient of an unknown domain."""
    harness.arrive("m1", "group@acme.test", "somebody@nowhere.test")
    with patch.object(SqsQueues, "send", side_effect=[None, Killed]):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.make_dead_letters("INGEST")
    harness.pump()


def verdict_given_up(harness: Harness) -> None:
    """Run_sync_rule is killed after the first transaction of a large decision; the call becomes a dead letter."""
    harness.arrive("m1", "group@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    with patch.object(SqsQueues, "send", side_effect=[None, Killed]):
        harness.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    harness.make_dead_letters("RUN_SYNC_RULE")
    harness.pump()


def free_busy_asked(harness: Harness) -> None:
    """Ann asks for the free/busy information of two people; later the sweep looks for calls without an end."""
    requester = {"email": "ann@acme.test", "user_name": "ann", "organization_id": ORG, "user_id": "ann"}
    harness.ask(
        {
            "requester": requester,
            "mailboxes": ["bob@example.org", "eve@example.org"],
            "start_ms": NOON,
            "end_ms": NOON + 3_600_000,
        }
    )
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def orders_forgotten(harness: Harness) -> None:
    """A queue loses its orders; the sweep sends them again."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("DELIVER_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def deliveries(harness: Harness) -> Callable[[], None]:
    """Return what puts the messages that deliver's queue holds now into it once more, late."""
    bodies = harness.queued()["deliver"]

    def come_late() -> None:
        for body in bodies:
            harness.stack.sqs.send_message(QueueUrl=harness.stack.environment["DELIVER_QUEUE_URL"], MessageBody=body)
        harness.pump()

    return come_late


def parked_and_late(between: Callable[[Harness], None]) -> Callable[[Harness], None]:
    """Return a play: an order is parked because of its key, something is done, and its first message comes again."""

    def play(harness: Harness) -> None:
        kms, key = boto3.client("kms"), harness.pipeline.kms_key
        harness.arrive("m1", "ann@acme.test")
        harness.hand_out("INGEST_QUEUE_URL")
        come_late = deliveries(harness)
        kms.disable_key(KeyId=key)
        try:
            harness.pump()
        finally:
            kms.enable_key(KeyId=key)
        between(harness)
        come_late()

    return play


def slow_queue(harness: Harness) -> None:
    """A queue holds its orders back for two hours; the sweep sends them again, and then all come."""
    harness.arrive("m1", "ann@acme.test", "fay@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    come_late = deliveries(harness)
    harness.forget("DELIVER_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    come_late()


def announced_again(harness: Harness) -> None:
    """SES announces a message again while its order waits, for a group that has the same recipient as a member."""
    harness.arrive("m1", "ann@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.announce(notification("m1", ["group@acme.test", "ann@acme.test"]))
    harness.hand_out("INGEST_QUEUE_URL")
    harness.pump()


def expansion_forgotten(harness: Harness) -> None:
    """A large flow stops after its first transaction, and its notification is lost; the sweep continues it."""
    harness.arrive("m1", "group@acme.test")
    with before_chunks(killed):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("INGEST_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def never_announced(harness: Harness) -> None:
    """SES has stored a message, and sends no notification."""
    harness.store("m1")
    harness.hours(2)
    harness.schedule("sweep")


def announced_late(harness: Harness) -> None:
    """As never_announced, then the notification comes: the flow is opened, and the sweep ends the parking."""
    never_announced(harness)
    harness.announce(notification("m1", ["ann@acme.test", "x@nowhere.test"]))
    harness.pump()
    harness.hours(1)
    harness.schedule("sweep")


def given_up(harness: Harness) -> None:
    """An order is lost, and lost again after each of three sends; the sweep parks it."""
    harness.arrive("m1", "ann@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    for sweep in range(4):
        harness.forget("DELIVER_QUEUE_URL")
        harness.hours(2)
        harness.schedule("sweep", spared=sweep < 3)


def replaced(harness: Harness) -> None:
    """A rule's function puts another content in place of its message."""

    def put(_: Any) -> Any:
        harness.put_in_place("m1", PLAIN.replace(b"plums", b"[EXTERNAL] plums"))
        return CALLED

    harness.pipeline.callees.functions["tag"] = put
    harness.arrive("m1", "ann@acme.test", "ben@acme.test", content=PLAIN)
    harness.pump()


def replaced_in_vain(harness: Harness) -> None:
    """A rule's function puts another content in place of its message, and fails."""

    def put(_: Any) -> Any:
        harness.put_in_place("m1", PLAIN.replace(b"plums", b"[EXTERNAL] plums"))
        harness.replaced.clear()  # no mailbox may get it
        return fails(_)

    harness.pipeline.callees.functions["tag"] = put
    harness.arrive("m1", "ann@acme.test", content=PLAIN)
    harness.pump()


def held_back(harness: Harness) -> None:
    """A rule's function times out, is held back, and works again for one of two messages."""
    hangs = [TimeoutError]

    def recover(_: Any) -> Any:
        if hangs:
            raise hangs.pop()
        return CALLED

    harness.pipeline.callees.functions["tag"] = recover
    harness.arrive("m1", "ann@acme.test")
    harness.arrive("m2", "ben@acme.test")
    harness.pump()


def dead_call(harness: Harness) -> None:
    """A rule's call that run_sync_rule never received becomes a dead letter; park reads it."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.make_dead_letters("RUN_SYNC_RULE")
    harness.pump()


def dead_call_redriven(harness: Harness) -> None:
    """As dead_call, then an operator redrives it."""
    dead_call(harness)
    redrive_all(harness)


def dead_call_discarded(harness: Harness) -> None:
    """As dead_call, then an operator discards it."""
    dead_call(harness)
    discard_all(harness)


def calls_forgotten(harness: Harness) -> None:
    """A queue loses its calls; the sweep sends them again."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("RUN_SYNC_RULE_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def verdict_forgotten(harness: Harness) -> None:
    """A large decision stops after its first transaction, and its call is lost; the sweep continues it."""
    harness.arrive("m1", "group@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    with before_chunks(killed):
        harness.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    harness.forget("RUN_SYNC_RULE_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def frozen_and_announced(harness: Harness) -> None:
    """A large decision stops before its first orders; meanwhile SES announces the message again."""
    harness.arrive("m1", "group-large@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    with before_chunks(killed):
        harness.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    harness.announce(notification("m1", ["group-small@acme.test"]))
    harness.hand_out("INGEST_QUEUE_URL")
    harness.pump()


def long_over(harness: Harness) -> None:
    """All recipients are final for more than 30 days; the sweep removes the raw message."""
    harness.arrive("m1", "group@acme.test", "quinn@acme.test")
    harness.pump()
    harness.hours(24 * 31)
    harness.schedule("sweep")


def delete(harness: Harness) -> None:
    """Acme is deleted, with all scheduled runs that this needs."""
    harness.operate(harness.pipeline.delete_organization)
    harness.schedule("delete_organizations")
    harness.pump()
    harness.schedule("delete_organizations")
    harness.hours(1)
    for _ in range(2):
        harness.schedule("delete_organizations")


def deleted(harness: Harness) -> None:
    """Acme is deleted while m1 is delivered, m2 parked, m3 waiting after a failed call, and m4 in transit."""
    kms, key = boto3.client("kms"), harness.pipeline.kms_key
    kms.disable_key(KeyId=key)
    try:
        harness.arrive("m2", "ben@acme.test")
        harness.hand_out("INGEST_QUEUE_URL")
        harness.hand_out("DELIVER_QUEUE_URL")
    finally:
        kms.enable_key(KeyId=key)
    harness.arrive("m1", "ann@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.hand_out("DELIVER_QUEUE_URL")
    harness.arrive("m3", "zoe@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    harness.arrive("m4", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    delete(harness)


def deleted_with_lost_orders(harness: Harness) -> None:
    """Acme is deleted after a queue has lost orders."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("DELIVER_QUEUE_URL")
    delete(harness)


def deleted_at_the_end(harness: Harness) -> None:
    """As deleted_with_lost_orders, but the deletion does not run before its settling time is over."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("DELIVER_QUEUE_URL")
    harness.operate(harness.pipeline.delete_organization)
    harness.hours(1)
    for _ in range(3):
        harness.schedule("delete_organizations")


def deleted_while_it_expands(harness: Harness) -> None:
    """Acme is deleted after a large flow has stopped behind its first transaction."""
    harness.arrive("m1", *MANY)
    with before_chunks(killed):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("INGEST_QUEUE_URL")
    delete(harness)
