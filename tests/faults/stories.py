"""What happens in the scenarios: who lives there, what is sent, and what people do meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import boto3

from postroom.adapters.aws.queues import SqsOnward
from postroom.adapters.aws.transit import DynamoTransit
from postroom.model.directory import EntityState
from tests.faults.injector import Killed
from tests.faults.office import letter
from tests.support.post import OTHER, notification
from tests.support.rule_callees import ALL as CALLED
from tests.support.rules import BOUNCE, DEFAULT, DROP, JUNK, rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.office import Office
    from tests.support.world import World

CROWD: Final = tuple(f"u{number:02}" for number in range(43))
"""More than the 40 recipients of one transaction."""

MANY: Final = ("ann@acme.test", *(f"{name}@acme.test" for name in CROWD))
"""As many recipients; of acme's people only Ann is among them."""

SIZE: Final = len(letter("m1"))
"""Bytes of every letter that says nothing else."""

PLAIN: Final = b"From: Bob <bob@example.org>\r\nMessage-ID: <m1@example.org>\r\nSubject: plums\r\n\r\nten\r\n"
"""A letter that may be replaced."""


def acme(world: World) -> None:
    """Ann and Ben, both in a group with Dan, who is disabled; Quinn's mailbox gets nearly full, Fay's is."""
    world.organization()
    for name in ("ann", "ben"):
        world.entity(name)
    world.entity("dan", state=EntityState.DISABLED)
    world.entity("quinn", quota=SIZE + 5)
    world.entity("fay", quota=SIZE - 5)
    world.entity("group", "ann", "ben", "dan")


def ruled(world: World) -> None:
    """The same people; rules send Ann's mail to Junk, Ben's back, and drop Quinn's."""
    acme(world)
    world.apply_rules(
        rule(JUNK, recipients="ann@acme.test"),
        rule(BOUNCE, recipients="ben@acme.test"),
        rule(DROP, recipients="quinn@acme.test"),
    )


def two_organizations(world: World) -> None:
    """Ann of acme.test and Zoe of zenith.test."""
    world.organization()
    world.organization(OTHER, "zenith.test")
    world.entity("ann")
    world.entity("zoe", organization_id=OTHER, domain="zenith.test")


def crowd(world: World) -> None:
    """A group that does not fit one transaction."""
    world.organization()
    for name in CROWD:
        world.entity(name)
    world.entity("group", *CROWD)


def asked_but_for_some(world: World) -> None:
    """Say that acme has Zoe too, and a rule that asks a function, which fails, about all mail but Ann's and Ben's."""
    acme(world)
    world.entity("zoe")
    spared = ["ann@acme.test", "ben@acme.test"]
    world.apply_rules(world.callees.rule(fails), rule(DEFAULT, recipients=spared))


def ruled_crowd(world: World) -> None:
    """As crowd, with rules that drop one recipient and bounce another."""
    crowd(world)
    world.apply_rules(rule(DROP, "*", "dropped@acme.test"), rule(BOUNCE, "*", "bounced@acme.test"))


def fails(_: Any) -> Any:
    """Do what a broken function does."""
    raise ValueError("no good")


def asked(answer: Callable[[Any], Any], **more: Any) -> Callable[[World], None]:
    """Say that acme has Zoe too, and a rule that asks a function about all mail but the group's."""

    def people(world: World) -> None:
        acme(world)
        world.entity("zoe")
        world.apply_rules(world.callees.rule(answer, **more), rule(DEFAULT, recipients="group@acme.test"))

    return people


def answered(*actions: tuple[str, str]) -> Callable[[Any], Any]:
    """Make a function that gives recipients these actions, by their names, and all others the default."""
    named = [{"action": {"type": kind}, "recipients": [f"{name}@acme.test"]} for kind, name in actions]
    return lambda _: {"actions": [*named, *CALLED["actions"]]}


def asked_crowd(world: World) -> None:
    """As crowd, with a rule that asks a function about all mail; it drops one recipient and bounces another."""
    crowd(world)
    world.apply_rules(world.callees.rule(answered(("DROP", "dropped"), ("BOUNCE", "bounced"))))


def asked_twice_over(world: World) -> None:
    """As crowd, with a rule that asks a function about all mail but that of a group with people in common."""
    crowd(world)
    world.entity("dan", state=EntityState.DISABLED)
    world.entity("group-large", "dan", *CROWD)
    world.entity("group-small", "dan", CROWD[0], CROWD[-1])
    world.apply_rules(world.callees.rule(answered()), rule(DEFAULT, recipients="group-small@acme.test"))


def asked_beside_crowd(world: World) -> None:
    """As crowd, and Zoe; a rule asks a function about all mail but the group's."""
    crowd(world)
    world.entity("zoe")
    world.apply_rules(world.callees.rule(fails), rule(DEFAULT, recipients="group@acme.test"))


# What happens


def one_letter(*recipients: str, **more: Any) -> Callable[[Office], None]:
    """Play one letter, m1, and hand out until nothing is left."""

    def play(office: Office) -> None:
        office.arrive("m1", *recipients, **more)
        office.pump()

    return play


def two_letters(office: Office) -> None:
    """Two letters come at once, to people in common."""
    office.arrive("m1", "group@acme.test", "ann@acme.test")
    office.arrive("m2", "ann@acme.test", "nobody@acme.test")
    office.pump()


def announced_in_two_parts(office: Office) -> None:
    """SES tells of one letter twice, for two receipt rules, each time with other recipients."""
    office.arrive("m1", "ann@acme.test")
    office.announce(notification("m1", ["ben@acme.test", "ann@acme.test"]))
    office.pump()


def unusable_key(office: Office) -> None:
    """The organization's key is disabled when the letter comes, and enabled again before somebody redrives it."""
    kms, key = boto3.client("kms"), office.world.kms_key
    kms.disable_key(KeyId=key)
    try:
        office.arrive("m1", "ann@acme.test")
        office.pump()
    finally:
        kms.enable_key(KeyId=key)


def redrive_all(office: Office) -> None:
    """Somebody redrives what is parked; what they left half done is the sweep's."""
    desk = office.world.desk.parking
    office.operate(lambda: [desk.redrive(parked) for parked in list(desk.list())])
    office.pump()
    office.hours(2)
    office.schedule("sweep")
    office.pump()


def discard_all(office: Office) -> None:
    """Somebody gives up what is parked."""
    desk = office.world.desk.parking
    office.operate(lambda: [desk.discard(parked) for parked in list(desk.list())])


def redriven(office: Office) -> None:
    """As before, and somebody redrives it; what they left half done is the sweep's."""
    unusable_key(office)
    redrive_all(office)


def discarded(office: Office) -> None:
    """As before, and somebody gives it up."""
    unusable_key(office)
    discard_all(office)


def nonsense(office: Office) -> None:
    """A notification that names no organization of ours is parked, and stays."""
    office.arrive("m1", "somebody@nowhere.test")
    office.pump()


def dead_letter(office: Office) -> None:
    """Orders that deliver never got to become dead letters, and park reads them."""
    office.arrive("m1", "ann@acme.test", "ben@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    office.bury("DELIVER")
    office.pump()


def flow_given_up(office: Office) -> None:
    """Ingest dies behind the first transaction of a large flow, before it sends, and SQS gives up on it."""
    office.arrive("m1", "group@acme.test")
    with patch.object(SqsOnward, "send", side_effect=[None, Killed]):
        office.hand_out("INGEST_QUEUE_URL")
    office.bury("INGEST")
    office.pump()


def flow_redriven(office: Office) -> None:
    """As before, and somebody redrives it; what they left half done is the sweep's."""
    flow_given_up(office)
    redrive_all(office)


def half_given_up(office: Office) -> None:
    """As before, and the message was for somebody of no organization as well."""
    office.arrive("m1", "group@acme.test", "somebody@nowhere.test")
    with patch.object(SqsOnward, "send", side_effect=[None, Killed]):
        office.hand_out("INGEST_QUEUE_URL")
    office.bury("INGEST")
    office.pump()


def verdict_given_up(office: Office) -> None:
    """A large verdict stops behind its first transaction, before it sends, and its call becomes a dead letter."""
    office.arrive("m1", "group@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    with patch.object(SqsOnward, "send", side_effect=[None, Killed]):
        office.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    office.bury("RUN_SYNC_RULE")
    office.pump()


def orders_forgotten(office: Office) -> None:
    """The queue has lost its orders: the sweep sends them again."""
    office.arrive("m1", "ann@acme.test", "ben@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    office.forget("DELIVER_QUEUE_URL")
    office.hours(2)
    office.schedule("sweep")
    office.pump()


def expansion_forgotten(office: Office) -> None:
    """A large flow stops after its first transaction, and its notification is lost: the sweep takes it up."""
    office.arrive("m1", "group@acme.test")
    with patch.object(DynamoTransit, "expand", side_effect=Killed):
        office.hand_out("INGEST_QUEUE_URL")
    office.forget("INGEST_QUEUE_URL")
    office.hours(2)
    office.schedule("sweep")
    office.pump()


def never_announced(office: Office) -> None:
    """SES has stored a letter, and its notification never came."""
    office.store("m1")
    office.hours(2)
    office.schedule("sweep")


def announced_late(office: Office) -> None:
    """As before, and the notification comes after all: its flow opens, and the sweep takes the message back."""
    never_announced(office)
    office.announce(notification("m1", ["ann@acme.test", "x@nowhere.test"]))
    office.pump()
    office.hours(1)
    office.schedule("sweep")


def given_up(office: Office) -> None:
    """An order is sent again three times, and lost each time: the sweep parks it."""
    office.arrive("m1", "ann@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    for sweep in range(4):
        office.forget("DELIVER_QUEUE_URL")
        office.hours(2)
        office.schedule("sweep", spared=sweep < 3)


def replaced(office: Office) -> None:
    """A rule's function puts another message in the place of the one it is asked about."""

    def put(_: Any) -> Any:
        office.put_in_place("m1", PLAIN.replace(b"plums", b"[EXTERNAL] plums"))
        return CALLED

    office.world.callees.functions["tag"] = put
    office.arrive("m1", "ann@acme.test", "ben@acme.test", content=PLAIN)
    office.pump()


def replaced_in_vain(office: Office) -> None:
    """A rule's function puts another message in the place of the one it is asked about, and fails."""

    def put(_: Any) -> Any:
        office.put_in_place("m1", PLAIN.replace(b"plums", b"[EXTERNAL] plums"))
        office.replaced.clear()  # nobody is to get it
        return fails(_)

    office.world.callees.functions["tag"] = put
    office.arrive("m1", "ann@acme.test", content=PLAIN)
    office.pump()


def held_back(office: Office) -> None:
    """A rule's function hangs, is held back, and works again when one of two letters asks it."""
    hangs = [TimeoutError]

    def recover(_: Any) -> Any:
        if hangs:
            raise hangs.pop()
        return CALLED

    office.world.callees.functions["tag"] = recover
    office.arrive("m1", "ann@acme.test")
    office.arrive("m2", "ben@acme.test")
    office.pump()


def dead_call(office: Office) -> None:
    """A rule's call that run_sync_rule never got to becomes a dead letter, and park reads it."""
    office.arrive("m1", "ann@acme.test", "ben@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    office.bury("RUN_SYNC_RULE")
    office.pump()


def dead_call_redriven(office: Office) -> None:
    """As before, and somebody redrives it; what they left half done is the sweep's."""
    dead_call(office)
    redrive_all(office)


def dead_call_discarded(office: Office) -> None:
    """As before, and somebody gives it up."""
    dead_call(office)
    discard_all(office)


def calls_forgotten(office: Office) -> None:
    """The queue has lost its calls: the sweep sends them again."""
    office.arrive("m1", "ann@acme.test", "ben@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    office.forget("RUN_SYNC_RULE_QUEUE_URL")
    office.hours(2)
    office.schedule("sweep")
    office.pump()


def verdict_forgotten(office: Office) -> None:
    """A large verdict stops after its first transaction, and its call is lost: the sweep takes it up."""
    office.arrive("m1", "group@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    with patch.object(DynamoTransit, "expand", side_effect=Killed):
        office.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    office.forget("RUN_SYNC_RULE_QUEUE_URL")
    office.hours(2)
    office.schedule("sweep")
    office.pump()


def frozen_and_announced(office: Office) -> None:
    """A large verdict stops before its first transaction of orders; meanwhile SES announces the letter once more."""
    office.arrive("m1", "group-large@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    with patch.object(DynamoTransit, "expand", side_effect=Killed):
        office.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    office.announce(notification("m1", ["group-small@acme.test"]))
    office.hand_out("INGEST_QUEUE_URL")
    office.pump()


def long_over(office: Office) -> None:
    """Everybody is final for more than 30 days: the sweep throws away what SES had stored."""
    office.arrive("m1", "group@acme.test", "quinn@acme.test")
    office.pump()
    office.hours(24 * 31)
    office.schedule("sweep")


def delete(office: Office) -> None:
    """Somebody deletes acme; the schedule's runs do it, and all that follows from them, until nobody looks any more."""
    office.operate(office.world.delete_organization)
    office.schedule("delete_organizations")
    office.pump()
    office.schedule("delete_organizations")
    office.hours(1)
    for _ in range(2):
        office.schedule("delete_organizations")


def deleted(office: Office) -> None:
    """Acme is deleted when m1 is delivered, m2 parked, m3 waits for a function that has failed, and m4 is in flight."""
    kms, key = boto3.client("kms"), office.world.kms_key
    kms.disable_key(KeyId=key)
    try:
        office.arrive("m2", "ben@acme.test")
        office.hand_out("INGEST_QUEUE_URL")
        office.hand_out("DELIVER_QUEUE_URL")
    finally:
        kms.enable_key(KeyId=key)
    office.arrive("m1", "ann@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    office.hand_out("DELIVER_QUEUE_URL")
    office.arrive("m3", "zoe@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    office.hand_out("RUN_SYNC_RULE_QUEUE_URL")
    office.arrive("m4", "ann@acme.test", "ben@acme.test")
    office.hand_out("INGEST_QUEUE_URL")
    delete(office)


def deleted_while_it_expands(office: Office) -> None:
    """Acme is deleted when a large flow has stopped after its first transaction."""
    office.arrive("m1", *MANY)
    with patch.object(DynamoTransit, "expand", side_effect=Killed):
        office.hand_out("INGEST_QUEUE_URL")
    office.forget("INGEST_QUEUE_URL")
    delete(office)
