"""The organizations, users, groups and rules of the scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.model.availability import LambdaProvider
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.records import AvailabilityConfiguration, Delegation, Insert
from postroom.model.resources import BookingOptions, ResourceType
from tests.faults.harness import content_of
from tests.support.builders import ORG, OTHER
from tests.support.rule_callees import ALL as CALLED
from tests.support.rule_callees import PREFIX
from tests.support.rules import BOUNCE, DEFAULT, DROP, JUNK, rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.pipeline import Pipeline

CROWD: Final = tuple(f"u{number:02}" for number in range(43))
"""More than the 40 recipients of one transaction."""

MANY: Final = ("ann@acme.test", *(f"{name}@acme.test" for name in CROWD))
"""As many recipients, of which acme has only Ann."""

SIZE: Final = len(content_of("m1"))
"""Size of a message without another content, in bytes."""


def acme(pipeline: Pipeline) -> None:
    """Ann, Ben and Dan, who is disabled, are a group.

    A message nearly fills Quinn's mailbox, and does not fit in Fay's.
    """
    pipeline.organization()
    for name in ("ann", "ben"):
        pipeline.entity(name)
    pipeline.entity("dan", state=EntityState.DISABLED)
    pipeline.entity("quinn", quota=SIZE + 5)
    pipeline.entity("fay", quota=SIZE - 5)
    pipeline.entity("group", "ann", "ben", "dan")


def provided(pipeline: Pipeline) -> None:
    """As acme, with a function that provides the free/busy information of example.org."""
    acme(pipeline)
    pipeline.callees.functions["cap"] = lambda event: {
        "mailboxes": [{"mailbox": each, "events": []} for each in event["mailboxes"]]
    }
    configuration = AvailabilityConfiguration(
        organization_id=ORG, domain="example.org", provider=LambdaProvider(PREFIX + "cap"), created=1, modified=1
    )
    pipeline.directory.commit([Insert(configuration)])


def rooms(pipeline: Pipeline) -> None:
    """As acme, with a room that answers by itself, and a board room that Ben answers for."""
    acme(pipeline)
    made: dict[str, Any] = {"kind": EntityKind.RESOURCE, "role": Role.RESOURCE, "resource_type": ResourceType.ROOM}
    pipeline.entity("room", **made, booking_options=BookingOptions())
    pipeline.entity("board", **made, booking_options=BookingOptions(auto_accept=False))
    delegate = Delegation(organization_id=ORG, resource_id="board", delegate_id="ben", delegate_kind=EntityKind.USER)
    pipeline.directory.commit([Insert(delegate)])


def ruled(pipeline: Pipeline) -> None:
    """As acme, with rules that move Ann's mail to Junk, bounce Ben's and drop Quinn's."""
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
    """A group with more members than fit in one transaction."""
    pipeline.organization()
    for name in CROWD:
        pipeline.entity(name)
    pipeline.entity("group", *CROWD)


def asked_but_for_some(pipeline: Pipeline) -> None:
    """As acme, with Zoe, and a rule that calls a failing function for all mail except Ann's and Ben's."""
    acme(pipeline)
    pipeline.entity("zoe")
    spared = ["ann@acme.test", "ben@acme.test"]
    pipeline.apply_rules(pipeline.callees.rule(fails), rule(DEFAULT, recipients=spared))


def ruled_crowd(pipeline: Pipeline) -> None:
    """As crowd, with rules that drop one recipient and bounce another."""
    crowd(pipeline)
    pipeline.apply_rules(rule(DROP, "*", "dropped@acme.test"), rule(BOUNCE, "*", "bounced@acme.test"))


def fails(_: Any) -> Any:
    """A rule's function that fails."""
    raise ValueError("no good")


def asked(answer: Callable[[Any], Any], **more: Any) -> Callable[[Pipeline], None]:
    """As acme, with Zoe, and a rule that calls a function for all mail except the group's."""

    def people(pipeline: Pipeline) -> None:
        acme(pipeline)
        pipeline.entity("zoe")
        pipeline.apply_rules(pipeline.callees.rule(answer, **more), rule(DEFAULT, recipients="group@acme.test"))

    return people


def answered(*actions: tuple[str, str]) -> Callable[[Any], Any]:
    """Return a rule's function that answers these actions by recipient, and DEFAULT for all others."""
    named = [{"action": {"type": kind}, "recipients": [f"{name}@acme.test"]} for kind, name in actions]
    return lambda _: {"actions": [*named, *CALLED["actions"]]}


def asked_crowd(pipeline: Pipeline) -> None:
    """As crowd, with a rule that calls a function for all mail; it drops one recipient and bounces another."""
    crowd(pipeline)
    pipeline.apply_rules(pipeline.callees.rule(answered(("DROP", "dropped"), ("BOUNCE", "bounced"))))


def asked_twice_over(pipeline: Pipeline) -> None:
    """As crowd, with a rule that calls a function for all mail except that of a group with the same members."""
    crowd(pipeline)
    pipeline.entity("dan", state=EntityState.DISABLED)
    pipeline.entity("group-large", "dan", *CROWD)
    pipeline.entity("group-small", "dan", CROWD[0], CROWD[-1])
    pipeline.apply_rules(pipeline.callees.rule(answered()), rule(DEFAULT, recipients="group-small@acme.test"))


def asked_beside_crowd(pipeline: Pipeline) -> None:
    """As crowd, with Zoe, and a rule that calls a failing function for all mail except the group's."""
    crowd(pipeline)
    pipeline.entity("zoe")
    pipeline.apply_rules(pipeline.callees.rule(fails), rule(DEFAULT, recipients="group@acme.test"))
