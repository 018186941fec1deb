"""What happens in the scenarios: who lives there, what is sent, and what people do meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import boto3

from postroom.adapters.aws.queues import SqsQueues
from postroom.model.directory import EntityState
from tests.faults.harness import letter
from tests.faults.injector import Killed
from tests.support.builders import OTHER, notification
from tests.support.commits import before_chunks
from tests.support.rule_callees import ALL as CALLED
from tests.support.rules import BOUNCE, DEFAULT, DROP, JUNK, rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline

CROWD: Final = tuple(f"u{number:02}" for number in range(43))
"""More than the 40 recipients of one transaction."""

MANY: Final = ("ann@acme.test", *(f"{name}@acme.test" for name in CROWD))
"""As many recipients; of acme's people only Ann is among them."""

SIZE: Final = len(letter("m1"))
"""Bytes of every letter that says nothing else."""

PLAIN: Final = b"From: Bob <bob@example.org>\r\nMessage-ID: <m1@example.org>\r\nSubject: plums\r\n\r\nten\r\n"
"""A letter that may be replaced."""


def acme(pipeline: Pipeline) -> None:
    """Ann and Ben, both in a group with Dan, who is disabled; Quinn's mailbox gets nearly full, Fay's is."""
    pipeline.organization()
    for name in ("ann", "ben"):
        pipeline.entity(name)
    pipeline.entity("dan", state=EntityState.DISABLED)
    pipeline.entity("quinn", quota=SIZE + 5)
    pipeline.entity("fay", quota=SIZE - 5)
    pipeline.entity("group", "ann", "ben", "dan")


def ruled(pipeline: Pipeline) -> None:
    """The same people; rules send Ann's mail to Junk, Ben's back, and drop Quinn's."""
    acme(pipeline)
    pipeline.apply_rules(
        rule(JUNK, recipients="ann@acme.test"),
        rule(BOUNCE, recipients="ben@acme.test"),
        rule(DROP, recipients="quinn@acme.test"),
    )


def two_organizations(pipeline: Pipeline) -> None:
    """Ann of acme.test and Zoe of zenith.test."""
    pipeline.organization()
    pipeline.organization(OTHER, "zenith.test")
    pipeline.entity("ann")
    pipeline.entity("zoe", organization_id=OTHER, domain="zenith.test")


def crowd(pipeline: Pipeline) -> None:
    """A group that does not fit one transaction."""
    pipeline.organization()
    for name in CROWD:
        pipeline.entity(name)
    pipeline.entity("group", *CROWD)


def asked_but_for_some(pipeline: Pipeline) -> None:
    """Say that acme has Zoe too, and a rule that asks a function, which fails, about all mail but Ann's and Ben's."""
    acme(pipeline)
    pipeline.entity("zoe")
    spared = ["ann@acme.test", "ben@acme.test"]
    pipeline.apply_rules(pipeline.callees.rule(fails), rule(DEFAULT, recipients=spared))


def ruled_crowd(pipeline: Pipeline) -> None:
    """As crowd, with rules that drop one recipient and bounce another."""
    crowd(pipeline)
    pipeline.apply_rules(rule(DROP, "*", "dropped@acme.test"), rule(BOUNCE, "*", "bounced@acme.test"))


def fails(_: Any) -> Any:
    """Do what a broken function does."""
    raise ValueError("no good")


def asked(answer: Callable[[Any], Any], **more: Any) -> Callable[[Pipeline], None]:
    """Say that acme has Zoe too, and a rule that asks a function about all mail but the group's."""

    def people(pipeline: Pipeline) -> None:
        acme(pipeline)
        pipeline.entity("zoe")
        pipeline.apply_rules(pipeline.callees.rule(answer, **more), rule(DEFAULT, recipients="group@acme.test"))

    return people


def answered(*actions: tuple[str, str]) -> Callable[[Any], Any]:
    """Make a function that gives recipients these actions, by their names, and all others the default."""
    named = [{"action": {"type": kind}, "recipients": [f"{name}@acme.test"]} for kind, name in actions]
    return lambda _: {"actions": [*named, *CALLED["actions"]]}


def asked_crowd(pipeline: Pipeline) -> None:
    """As crowd, with a rule that asks a function about all mail; it drops one recipient and bounces another."""
    crowd(pipeline)
    pipeline.apply_rules(pipeline.callees.rule(answered(("DROP", "dropped"), ("BOUNCE", "bounced"))))


def asked_twice_over(pipeline: Pipeline) -> None:
    """As crowd, with a rule that asks a function about all mail but that of a group with people in common."""
    crowd(pipeline)
    pipeline.entity("dan", state=EntityState.DISABLED)
    pipeline.entity("group-large", "dan", *CROWD)
    pipeline.entity("group-small", "dan", CROWD[0], CROWD[-1])
    pipeline.apply_rules(pipeline.callees.rule(answered()), rule(DEFAULT, recipients="group-small@acme.test"))


def asked_beside_crowd(pipeline: Pipeline) -> None:
    """As crowd, and Zoe; a rule asks a function about all mail but the group's."""
    crowd(pipeline)
    pipeline.entity("zoe")
    pipeline.apply_rules(pipeline.callees.rule(fails), rule(DEFAULT, recipients="group@acme.test"))


def killed(_: Any) -> None:
    """Kill the worker."""
    raise Killed


# What happens


def one_letter(*recipients: str, **more: Any) -> Callable[[Harness], None]:
    """Play one letter, m1, and hand out until nothing is left."""

    def play(harness: Harness) -> None:
        harness.arrive("m1", *recipients, **more)
        harness.pump()

    return play


def two_letters(harness: Harness) -> None:
    """Two letters come at once, to people in common."""
    harness.arrive("m1", "group@acme.test", "ann@acme.test")
    harness.arrive("m2", "ann@acme.test", "nobody@acme.test")
    harness.pump()


def announced_in_two_parts(harness: Harness) -> None:
    """SES tells of one letter twice, for two receipt rules, each time with other recipients."""
    harness.arrive("m1", "ann@acme.test")
    harness.announce(notification("m1", ["ben@acme.test", "ann@acme.test"]))
    harness.pump()


def unusable_key(harness: Harness) -> None:
    """The organization's key is disabled when the letter comes, and enabled again before somebody redrives it."""
    kms, key = boto3.client("kms"), harness.pipeline.kms_key
    kms.disable_key(KeyId=key)
    try:
        harness.arrive("m1", "ann@acme.test")
        harness.pump()
    finally:
        kms.enable_key(KeyId=key)


def redrive_all(harness: Harness) -> None:
    """Somebody redrives what is parked; what they left half done is the sweep's."""
    operator = harness.pipeline.operator.parking
    harness.operate(lambda: [operator.redrive(parked) for parked in list(operator.list())])
    harness.pump()
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def discard_all(harness: Harness) -> None:
    """Somebody gives up what is parked."""
    operator = harness.pipeline.operator.parking
    harness.operate(lambda: [operator.discard(parked) for parked in list(operator.list())])


def redriven(harness: Harness) -> None:
    """As before, and somebody redrives it; what they left half done is the sweep's."""
    unusable_key(harness)
    redrive_all(harness)


def discarded(harness: Harness) -> None:
    """As before, and somebody gives it up."""
    unusable_key(harness)
    discard_all(harness)


def nonsense(harness: Harness) -> None:
    """A notification that names no organization of ours is parked, and stays."""
    harness.arrive("m1", "somebody@nowhere.test")
    harness.pump()


def dead_letter(harness: Harness) -> None:
    """Orders that deliver never got to become dead letters, and park reads them."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.bury("DELIVER")
    harness.pump()


def flow_given_up(harness: Harness) -> None:
    """Ingest dies behind the first transaction of a large flow, before it sends, and SQS gives up on it."""
    harness.arrive("m1", "group@acme.test")
    with patch.object(SqsQueues, "send", side_effect=[None, Killed]):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.bury("INGEST")
    harness.pump()


def flow_redriven(harness: Harness) -> None:
    """As before, and somebody redrives it; what they left half done is the sweep's."""
    flow_given_up(harness)
    redrive_all(harness)


def half_given_up(harness: Harness) -> None:
    """As before, and the message was for somebody of no organization as well."""
    harness.arrive("m1", "group@acme.test", "somebody@nowhere.test")
    with patch.object(SqsQueues, "send", side_effect=[None, Killed]):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.bury("INGEST")
    harness.pump()


def verdict_given_up(harness: Harness) -> None:
    """A large verdict stops behind its first transaction, before it sends, and its call becomes a dead letter."""
    harness.arrive("m1", "group@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    with patch.object(SqsQueues, "send", side_effect=[None, Killed]):
        harness.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    harness.bury("RUN_SYNC_RULE")
    harness.pump()


def orders_forgotten(harness: Harness) -> None:
    """The queue has lost its orders: the sweep sends them again."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("DELIVER_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def expansion_forgotten(harness: Harness) -> None:
    """A large flow stops after its first transaction, and its notification is lost: the sweep takes it up."""
    harness.arrive("m1", "group@acme.test")
    with before_chunks(killed):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("INGEST_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def never_announced(harness: Harness) -> None:
    """SES has stored a letter, and its notification never came."""
    harness.store("m1")
    harness.hours(2)
    harness.schedule("sweep")


def announced_late(harness: Harness) -> None:
    """As before, and the notification comes after all: its flow opens, and the sweep takes the message back."""
    never_announced(harness)
    harness.announce(notification("m1", ["ann@acme.test", "x@nowhere.test"]))
    harness.pump()
    harness.hours(1)
    harness.schedule("sweep")


def given_up(harness: Harness) -> None:
    """An order is sent again three times, and lost each time: the sweep parks it."""
    harness.arrive("m1", "ann@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    for sweep in range(4):
        harness.forget("DELIVER_QUEUE_URL")
        harness.hours(2)
        harness.schedule("sweep", spared=sweep < 3)


def replaced(harness: Harness) -> None:
    """A rule's function puts another message in the place of the one it is asked about."""

    def put(_: Any) -> Any:
        harness.put_in_place("m1", PLAIN.replace(b"plums", b"[EXTERNAL] plums"))
        return CALLED

    harness.pipeline.callees.functions["tag"] = put
    harness.arrive("m1", "ann@acme.test", "ben@acme.test", content=PLAIN)
    harness.pump()


def replaced_in_vain(harness: Harness) -> None:
    """A rule's function puts another message in the place of the one it is asked about, and fails."""

    def put(_: Any) -> Any:
        harness.put_in_place("m1", PLAIN.replace(b"plums", b"[EXTERNAL] plums"))
        harness.replaced.clear()  # nobody is to get it
        return fails(_)

    harness.pipeline.callees.functions["tag"] = put
    harness.arrive("m1", "ann@acme.test", content=PLAIN)
    harness.pump()


def held_back(harness: Harness) -> None:
    """A rule's function hangs, is held back, and works again when one of two letters asks it."""
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
    """A rule's call that run_sync_rule never got to becomes a dead letter, and park reads it."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.bury("RUN_SYNC_RULE")
    harness.pump()


def dead_call_redriven(harness: Harness) -> None:
    """As before, and somebody redrives it; what they left half done is the sweep's."""
    dead_call(harness)
    redrive_all(harness)


def dead_call_discarded(harness: Harness) -> None:
    """As before, and somebody gives it up."""
    dead_call(harness)
    discard_all(harness)


def calls_forgotten(harness: Harness) -> None:
    """The queue has lost its calls: the sweep sends them again."""
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("RUN_SYNC_RULE_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def verdict_forgotten(harness: Harness) -> None:
    """A large verdict stops after its first transaction, and its call is lost: the sweep takes it up."""
    harness.arrive("m1", "group@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    with before_chunks(killed):
        harness.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    harness.forget("RUN_SYNC_RULE_QUEUE_URL")
    harness.hours(2)
    harness.schedule("sweep")
    harness.pump()


def frozen_and_announced(harness: Harness) -> None:
    """A large verdict stops before its first transaction of orders; meanwhile SES announces the letter once more."""
    harness.arrive("m1", "group-large@acme.test")
    harness.hand_out("INGEST_QUEUE_URL")
    with before_chunks(killed):
        harness.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    harness.announce(notification("m1", ["group-small@acme.test"]))
    harness.hand_out("INGEST_QUEUE_URL")
    harness.pump()


def long_over(harness: Harness) -> None:
    """Everybody is final for more than 30 days: the sweep throws away what SES had stored."""
    harness.arrive("m1", "group@acme.test", "quinn@acme.test")
    harness.pump()
    harness.hours(24 * 31)
    harness.schedule("sweep")


def delete(harness: Harness) -> None:
    """Somebody deletes acme; the schedule's runs do it, and all that follows from them, until nobody looks any more."""
    harness.operate(harness.pipeline.delete_organization)
    harness.schedule("delete_organizations")
    harness.pump()
    harness.schedule("delete_organizations")
    harness.hours(1)
    for _ in range(2):
        harness.schedule("delete_organizations")


def deleted(harness: Harness) -> None:
    """Acme is deleted when m1 is delivered, m2 parked, m3 waits for a function that has failed, and m4 is in flight."""
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


def deleted_while_it_expands(harness: Harness) -> None:
    """Acme is deleted when a large flow has stopped after its first transaction."""
    harness.arrive("m1", *MANY)
    with before_chunks(killed):
        harness.hand_out("INGEST_QUEUE_URL")
    harness.forget("INGEST_QUEUE_URL")
    delete(harness)
