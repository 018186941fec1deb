"""What is played, and how every recipient must end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import boto3

from postroom.adapters.aws.transit import DynamoTransit
from postroom.model.directory import EntityState
from postroom.rules.breaker import FAILURES
from tests.faults.evidence import State
from tests.faults.injector import Killed
from tests.faults.office import letter
from tests.support.post import OTHER, notification
from tests.support.rule_callees import ALL as CALLED
from tests.support.rules import BOUNCE, DEFAULT, DROP, JUNK, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.office import Office
    from tests.support.world import World

ALL: Final = frozenset({"ingest", "run_sync_rule", "run_async_rule", "deliver", "bounce", "park"})
PROJECTED: Final = ALL | {"record_events", "retry_events"}
CROWD: Final = tuple(f"u{number:02}" for number in range(43))
"""More than the 40 recipients of one transaction."""

SIZE: Final = len(letter("m1"))
"""Bytes of every letter that says nothing else."""


@dataclass(frozen=True, slots=True)
class End:
    """How one recipient of a letter ends; ``folder`` where it is delivered."""

    letter: str
    who: str
    state: str
    folder: str = "INBOX"

    @property
    def place(self) -> State:
        return State(self.letter, self.who, self.state)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story, the functions whose calls go wrong in it (``struck``), and its end.

    ``received`` names each letter's envelope recipients, ``retired`` the letters that the sweep has thrown away in
    the end. ``functions`` are those that run at all: what they leave in a queue stays there. ``operator`` may be
    struck too: it is the person at the command line.
    """

    name: str
    play: Callable[[Office], None]
    struck: frozenset[str]
    received: Mapping[str, tuple[str, ...]]
    ends: tuple[End, ...]
    people: Callable[[World], None]
    functions: frozenset[str] = ALL
    retired: frozenset[str] = field(default_factory=frozenset)


# Who lives here


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


def redriven(office: Office) -> None:
    """As before, and somebody redrives it; what they left half done is the sweep's."""
    unusable_key(office)
    desk = office.world.desk.parking
    office.operate(lambda: [desk.redrive(parked) for parked in list(desk.list())])
    office.pump()
    office.hours(2)
    office.schedule("sweep")
    office.pump()


def discarded(office: Office) -> None:
    """As before, and somebody gives it up."""
    unusable_key(office)
    desk = office.world.desk.parking
    office.operate(lambda: [desk.discard(parked) for parked in list(desk.list())])


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
    """A rule's function fails three times in a row, is held back, and works again when one of two letters asks it."""
    failures = [fails] * FAILURES

    def recover(event: Any) -> Any:
        return failures.pop()(event) if failures else CALLED

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
    desk = office.world.desk.parking
    office.operate(lambda: [desk.redrive(parked) for parked in list(desk.list())])
    office.pump()
    office.hours(2)
    office.schedule("sweep")
    office.pump()


def dead_call_discarded(office: Office) -> None:
    """As before, and somebody gives it up."""
    dead_call(office)
    desk = office.world.desk.parking
    office.operate(lambda: [desk.discard(parked) for parked in list(desk.list())])


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


PLAIN: Final = b"From: Bob <bob@example.org>\r\nMessage-ID: <m1@example.org>\r\nSubject: plums\r\n\r\nten\r\n"
"""A letter that may be replaced."""

TOLD: Final = (End("m1", "the sender", "told"),)


def delivered(name: str, *whom: str, folder: str = "INBOX") -> tuple[End, ...]:
    """Say that a letter is delivered."""
    return tuple(End(name, who, "delivered", folder) for who in whom)


def ended(state: str, name: str, *whom: str) -> tuple[End, ...]:
    """Say how else a letter ends."""
    return tuple(End(name, who, state) for who in whom)


def to(*recipients: str) -> Mapping[str, tuple[str, ...]]:
    """Say whom m1 was for."""
    return {"m1": recipients}


INGEST: Final = frozenset({"ingest"})
DELIVER: Final = frozenset({"deliver"})
SYNC: Final = frozenset({"run_sync_rule"})
ASYNC: Final = frozenset({"run_async_rule"})
GROUP_ENDS: Final = (*delivered("m1", "ann", "ben"), *ended("skipped", "m1", "dan"))
MIXED: Final = ("ann@acme.test", "group@acme.test", "nobody@acme.test")
MIXED_ENDS: Final = (*GROUP_ENDS, *ended("bounced", "m1", "nobody@acme.test"), *TOLD)
DAY: Final = 24 * 3_600_000
"""In milliseconds: as long as SES lets us answer by SendBounce."""

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        "ingest: one recipient",
        one_letter("ann@acme.test"),
        INGEST,
        to("ann@acme.test"),
        delivered("m1", "ann"),
        acme,
    ),
    Scenario(
        "ingest: a group, a user, nobody",
        one_letter(*MIXED),
        INGEST,
        to(*MIXED),
        MIXED_ENDS,
        acme,
    ),
    Scenario(
        "ingest: more than one transaction",
        one_letter("group@acme.test", "nobody@acme.test"),
        INGEST,
        to("group@acme.test", "nobody@acme.test"),
        (*ended("open", "m1", *CROWD, "the sender"), *ended("bounced", "m1", "nobody@acme.test")),
        crowd,
        functions=INGEST,
    ),
    Scenario(
        "ingest: two organizations",
        one_letter("ann@acme.test", "zoe@zenith.test"),
        INGEST,
        to("ann@acme.test", "zoe@zenith.test"),
        delivered("m1", "ann", "zoe"),
        two_organizations,
    ),
    Scenario(
        "ingest: announced in two parts",
        announced_in_two_parts,
        INGEST,
        to("ann@acme.test", "ben@acme.test"),
        delivered("m1", "ann", "ben"),
        acme,
    ),
    Scenario(
        "ingest: a virus",
        one_letter("ann@acme.test", "ben@acme.test", verdicts={"virus": "FAIL"}),
        INGEST,
        to("ann@acme.test", "ben@acme.test"),
        ended("blocked", "m1", "ann@acme.test", "ben@acme.test"),
        acme,
    ),
    Scenario(
        "ingest: spam",
        one_letter("ann@acme.test", verdicts={"spam": "FAIL"}),
        INGEST,
        to("ann@acme.test"),
        delivered("m1", "ann", folder="JUNK_EMAIL"),
        acme,
    ),
    Scenario(
        "ingest: rules for each recipient",
        one_letter("ann@acme.test", "ben@acme.test", "quinn@acme.test"),
        INGEST,
        to("ann@acme.test", "ben@acme.test", "quinn@acme.test"),
        (
            *delivered("m1", "ann", folder="JUNK_EMAIL"),
            *ended("bounced", "m1", "ben@acme.test"),
            *ended("dropped", "m1", "quinn@acme.test"),
            *TOLD,
        ),
        ruled,
    ),
    Scenario(
        "ingest: rules over more than one transaction",
        one_letter("dropped@acme.test", "bounced@acme.test", "group@acme.test"),
        INGEST,
        to("dropped@acme.test", "bounced@acme.test", "group@acme.test"),
        (
            *ended("open", "m1", *CROWD, "the sender"),
            *ended("dropped", "m1", "dropped@acme.test"),
            *ended("bounced", "m1", "bounced@acme.test"),
        ),
        ruled_crowd,
        functions=INGEST,
    ),
    Scenario(
        "ingest: rejected by DMARC",
        one_letter("ann@acme.test", "nobody@acme.test", verdicts={"dmarc": "FAIL"}, dmarcPolicy="reject"),
        INGEST,
        to("ann@acme.test", "nobody@acme.test"),
        ended("dropped", "m1", "ann@acme.test", "nobody@acme.test"),
        acme,
    ),
    Scenario("ingest: an unknown domain", nonsense, INGEST, {}, ended("parked", "m1", "arrival"), acme),
    Scenario(
        "run_sync_rule: an action for each recipient, and one more",
        one_letter("ann@acme.test", "ben@acme.test", "quinn@acme.test", "fay@acme.test", "nobody@acme.test"),
        SYNC,
        to("ann@acme.test", "ben@acme.test", "quinn@acme.test", "fay@acme.test", "nobody@acme.test"),
        (
            *delivered("m1", "ann", "zoe"),
            *delivered("m1", "quinn", folder="JUNK_EMAIL"),
            *ended("dropped", "m1", "ben@acme.test"),
            *ended("bounced", "m1", "fay@acme.test", "nobody@acme.test"),
            *ended("noticed", "m1", "quinn's notice"),
            *TOLD,
        ),
        asked(answered(("DROP", "ben"), ("MOVE_TO_JUNK", "quinn"), ("BOUNCE", "fay"), ("DEFAULT", "zoe"))),
    ),
    Scenario(
        "run_sync_rule: more than one transaction",
        one_letter("dropped@acme.test", "bounced@acme.test", "group@acme.test"),
        SYNC,
        to("dropped@acme.test", "bounced@acme.test", "group@acme.test"),
        (
            *ended("open", "m1", *CROWD, "the sender"),
            *ended("dropped", "m1", "dropped@acme.test"),
            *ended("bounced", "m1", "bounced@acme.test"),
        ),
        asked_crowd,
        functions=INGEST | SYNC,
    ),
    Scenario(
        "run_sync_rule: a call of a large flow",
        one_letter("zoe@acme.test", "group@acme.test"),
        INGEST | SYNC,
        to("zoe@acme.test", "group@acme.test"),
        ended("open", "m1", *CROWD, "zoe"),
        asked_beside_crowd,
        functions=INGEST | SYNC,
    ),
    Scenario(
        "run_sync_rule: more than one transaction, and another way to some",
        frozen_and_announced,
        INGEST | SYNC,
        to("group-large@acme.test", "group-small@acme.test"),
        (*ended("open", "m1", *CROWD), *ended("skipped", "m1", "dan")),
        asked_twice_over,
        functions=INGEST | SYNC,
    ),
    Scenario(
        "run_sync_rule: a function that fails and fails",
        one_letter("ann@acme.test", "nobody@acme.test"),
        SYNC,
        to("ann@acme.test", "nobody@acme.test"),
        (*delivered("m1", "ann", folder="JUNK_EMAIL"), *ended("bounced", "m1", "nobody@acme.test"), *TOLD),
        asked(fails),
    ),
    Scenario(
        "run_sync_rule: a function that is held back",
        held_back,
        SYNC,
        {"m1": ("ann@acme.test",), "m2": ("ben@acme.test",)},
        (*delivered("m1", "ann"), *delivered("m2", "ben")),
        asked(answered()),
    ),
    Scenario(
        "run_sync_rule: another message in its place",
        replaced,
        SYNC,
        to("ann@acme.test", "ben@acme.test"),
        delivered("m1", "ann", "ben"),
        asked(answered()),
    ),
    Scenario(
        "run_sync_rule: what a failed attempt has put",
        replaced_in_vain,
        SYNC,
        to("ann@acme.test"),
        delivered("m1", "ann", folder="JUNK_EMAIL"),
        asked(answered()),
    ),
    Scenario(
        "run_sync_rule: a mailbox by two ways",
        one_letter("ann@acme.test", "group@acme.test"),
        SYNC,
        to("ann@acme.test", "group@acme.test"),
        GROUP_ENDS,
        asked(answered()),
    ),
    Scenario(
        "run_async_rule: told of a letter",
        one_letter("ann@acme.test", "ben@acme.test"),
        ASYNC,
        to("ann@acme.test", "ben@acme.test"),
        delivered("m1", "ann", "ben"),
        asked(answered(), synchronous=False),
    ),
    Scenario(
        "deliver: after a verdict",
        replaced,
        DELIVER,
        to("ann@acme.test", "ben@acme.test"),
        delivered("m1", "ann", "ben"),
        asked(answered()),
    ),
    Scenario(
        "deliver: one mailbox",
        one_letter("ann@acme.test"),
        DELIVER,
        to("ann@acme.test"),
        delivered("m1", "ann"),
        acme,
    ),
    Scenario(
        "deliver: two letters at once",
        two_letters,
        DELIVER,
        {"m1": ("group@acme.test", "ann@acme.test"), "m2": ("ann@acme.test", "nobody@acme.test")},
        (
            *GROUP_ENDS,
            *delivered("m2", "ann"),
            *ended("bounced", "m2", "nobody@acme.test"),
            *ended("told", "m2", "the sender"),
        ),
        acme,
    ),
    Scenario(
        "deliver: nearly full",
        one_letter("quinn@acme.test"),
        DELIVER,
        to("quinn@acme.test"),
        (*delivered("m1", "quinn"), *ended("noticed", "m1", "quinn's notice")),
        acme,
    ),
    Scenario(
        "deliver: full",
        one_letter("fay@acme.test"),
        DELIVER,
        to("fay@acme.test"),
        (*ended("bounced", "m1", "fay"), *TOLD),
        acme,
    ),
    Scenario(
        "deliver: a key that cannot be used",
        unusable_key,
        DELIVER,
        to("ann@acme.test"),
        ended("parked", "m1", "ann"),
        acme,
    ),
    Scenario(
        "bounce: recipients that fail together and apart",
        one_letter(*MIXED, "fay@acme.test", "x@acme.test"),
        frozenset({"bounce"}),
        to(*MIXED, "fay@acme.test", "x@acme.test"),
        (*MIXED_ENDS, *ended("bounced", "m1", "fay", "x@acme.test")),
        acme,
    ),
    Scenario(
        "bounce: after a day, in words of ours",
        one_letter("nobody@acme.test", age=DAY),
        frozenset({"bounce"}),
        to("nobody@acme.test"),
        (*ended("bounced", "m1", "nobody@acme.test"), *TOLD),
        acme,
    ),
    Scenario(
        "bounce: nobody to tell",
        one_letter("nobody@acme.test", source="<>"),
        frozenset({"bounce"}),
        to("nobody@acme.test"),
        (*ended("bounced", "m1", "nobody@acme.test"), *ended("not told", "m1", "the sender")),
        acme,
    ),
    Scenario(
        "record_events: a mixed letter",
        one_letter(*MIXED),
        frozenset({"record_events"}),
        to(*MIXED),
        MIXED_ENDS,
        acme,
        functions=PROJECTED,
    ),
    Scenario(
        "park: dead letters",
        dead_letter,
        frozenset({"park"}),
        to("ann@acme.test", "ben@acme.test"),
        ended("parked", "m1", "ann", "ben"),
        acme,
    ),
    Scenario(
        "park: a dead call",
        dead_call,
        frozenset({"park"}),
        to("ann@acme.test", "ben@acme.test"),
        ended("parked", "m1", "ann@acme.test", "ben@acme.test"),
        asked(answered()),
    ),
    Scenario(
        "redrive: a parked call",
        dead_call_redriven,
        frozenset({"operator"}),
        to("ann@acme.test", "ben@acme.test"),
        delivered("m1", "ann", "ben"),
        asked(answered()),
    ),
    Scenario(
        "discard: a parked call",
        dead_call_discarded,
        frozenset({"operator"}),
        to("ann@acme.test", "ben@acme.test"),
        ended("discarded", "m1", "call:r-tag"),
        asked(answered()),
    ),
    Scenario(
        "redrive: a parked recipient",
        redriven,
        frozenset({"operator"}),
        to("ann@acme.test"),
        delivered("m1", "ann"),
        acme,
    ),
    Scenario(
        "discard: a parked recipient",
        discarded,
        frozenset({"operator"}),
        to("ann@acme.test"),
        ended("discarded", "m1", "ann"),
        acme,
    ),
    Scenario(
        "sweep: orders that a queue lost",
        orders_forgotten,
        frozenset({"sweep"}),
        to("ann@acme.test", "ben@acme.test"),
        delivered("m1", "ann", "ben"),
        acme,
    ),
    Scenario(
        "sweep: a large flow that stopped",
        expansion_forgotten,
        frozenset({"sweep"}),
        to("group@acme.test"),
        ended("open", "m1", *CROWD),
        crowd,
        functions=INGEST,
    ),
    Scenario(
        "sweep: calls that a queue lost",
        calls_forgotten,
        frozenset({"sweep"}),
        to("ann@acme.test", "ben@acme.test"),
        delivered("m1", "ann", "ben"),
        asked(answered()),
    ),
    Scenario(
        "sweep: a large verdict that stopped",
        verdict_forgotten,
        frozenset({"sweep"}),
        to("group@acme.test"),
        ended("open", "m1", *CROWD),
        asked_crowd,
        functions=INGEST | SYNC,
    ),
    Scenario(
        "sweep: a message nobody announced",
        never_announced,
        frozenset({"sweep"}),
        {},
        ended("parked", "m1", "orphan"),
        acme,
    ),
    Scenario(
        "sweep: a message announced late",
        announced_late,
        frozenset({"sweep"}),
        to("ann@acme.test"),
        (*delivered("m1", "ann"), *ended("parked", "m1", "arrival")),
        acme,
    ),
    Scenario(
        "sweep: orders that are lost again and again",
        given_up,
        frozenset({"sweep"}),
        to("ann@acme.test"),
        ended("parked", "m1", "ann"),
        acme,
    ),
    Scenario(
        "sweep: a message that is long over",
        long_over,
        frozenset({"sweep"}),
        to("group@acme.test", "quinn@acme.test"),
        (*GROUP_ENDS, *delivered("m1", "quinn"), *ended("noticed", "m1", "quinn's notice")),
        acme,
        retired=frozenset({"m1"}),
    ),
)
"""Every scenario, in the order of a message's way."""
