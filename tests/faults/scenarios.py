"""What is played, and how every recipient must end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.faults.evidence import State
from tests.faults.setups import (
    CROWD,
    MANY,
    acme,
    announced_in_two_parts,
    announced_late,
    answered,
    asked,
    asked_beside_crowd,
    asked_but_for_some,
    asked_crowd,
    asked_twice_over,
    calls_forgotten,
    crowd,
    dead_call,
    dead_call_discarded,
    dead_call_redriven,
    dead_letter,
    deleted,
    deleted_while_it_expands,
    discarded,
    expansion_forgotten,
    fails,
    flow_given_up,
    flow_redriven,
    frozen_and_announced,
    given_up,
    half_given_up,
    held_back,
    long_over,
    never_announced,
    nonsense,
    one_letter,
    orders_forgotten,
    redriven,
    replaced,
    replaced_in_vain,
    ruled,
    ruled_crowd,
    two_letters,
    two_organizations,
    unusable_key,
    verdict_forgotten,
    verdict_given_up,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline

ALL: Final = frozenset({"ingest", "run_sync_rule", "run_async_rule", "deliver", "bounce", "park"})
PROJECTED: Final = ALL | {"record_events", "retry_events"}


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
    the end, ``erased`` says that the organization is deleted: nothing of it may be left. ``functions`` are those that
    run at all: what they leave in a queue stays there. ``operator`` may be struck too: it is the person at the command
    line.
    """

    name: str
    play: Callable[[Harness], None]
    struck: frozenset[str]
    received: Mapping[str, tuple[str, ...]]
    ends: tuple[End, ...]
    people: Callable[[Pipeline], None]
    functions: frozenset[str] = ALL
    retired: frozenset[str] = field(default_factory=frozenset)
    erased: bool = False


# Who lives here


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
DELETION: Final = frozenset({"delete_organizations"})
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
        "park: a large flow that ingest gave up on",
        flow_given_up,
        frozenset({"park"}),
        to("group@acme.test"),
        (*ended("open", "m1", *CROWD[:40]), *ended("parked", "m1", "expansion")),
        crowd,
        functions=INGEST | {"park"},
    ),
    Scenario(
        "park: a large flow that ingest gave up on, and a recipient in none",
        half_given_up,
        frozenset({"park"}),
        to("group@acme.test"),
        (*ended("open", "m1", *CROWD[:40]), *ended("parked", "m1", "expansion", "arrival")),
        crowd,
        functions=INGEST | {"park"},
    ),
    Scenario(
        "park: a large verdict that run_sync_rule gave up on",
        verdict_given_up,
        frozenset({"park"}),
        to("group@acme.test"),
        (*ended("open", "m1", *CROWD[:40]), *ended("parked", "m1", "expansion")),
        asked_crowd,
        functions=INGEST | SYNC | {"park"},
    ),
    Scenario(
        "redrive: a large flow that ingest gave up on",
        flow_redriven,
        frozenset({"operator"}),
        to("group@acme.test"),
        ended("open", "m1", *CROWD),
        crowd,
        functions=INGEST | {"park"},
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
    Scenario(
        "delete_organizations: delivered, parked, waiting, in flight",
        deleted,
        DELETION,
        {
            "m1": ("ann@acme.test",),
            "m2": ("ben@acme.test",),
            "m3": ("zoe@acme.test",),
            "m4": ("ann@acme.test", "ben@acme.test"),
        },
        (
            *delivered("m1", "ann"),
            *ended("bounced", "m2", "ben"),
            *ended("bounced", "m3", "zoe@acme.test"),
            *ended("bounced", "m4", "ann", "ben"),
            *(each for name in ("m2", "m3", "m4") for each in ended("told", name, "the sender")),
        ),
        asked_but_for_some,
        retired=frozenset({"m1", "m2", "m3", "m4"}),
        erased=True,
    ),
    Scenario(
        "delete_organizations: a large flow that stopped",
        deleted_while_it_expands,
        DELETION,
        to(*MANY),
        (*ended("bounced", "m1", "ann", *MANY[1:]), *TOLD),
        acme,
        retired=frozenset({"m1"}),
        erased=True,
    ),
)
"""Every scenario, in the order of a message's way."""
