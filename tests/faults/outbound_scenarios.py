"""Scenarios of messages that leave: submissions, transmissions, journal reports, later bounces, automatic replies."""

from __future__ import annotations

from typing import Final

from tests.faults.away_plays import ann_is_away
from tests.faults.organizations import acme
from tests.faults.outbound_plays import (
    CARL,
    DORA,
    EVE,
    REFUSED,
    asks_whether_she_is_there,
    bounced_later,
    by_gateway,
    down_at_first,
    journaled,
    refused_altogether,
    refused_by_the_gateway,
    refusing,
    submission,
    two_submissions,
)
from tests.faults.scenario import INGEST, Scenario, delivered, ended

SUBMIT: Final = frozenset({"submit"})
TRANSMIT: Final = frozenset({"transmit"})
ACCEPT: Final = frozenset({"accept_outbound"})
FEEDBACK: Final = frozenset({"record_feedback"})

SENT_ITEMS: Final = ended("submitted", "m1", "ann")
TO_CARL: Final = (*SENT_ITEMS, *ended("sent", "m1", CARL))
BOTH: Final = (*TO_CARL, *ended("sent", "m1", "ben@acme.test"), *delivered("m1", "ben"))
TO_BEN: Final = {"m1": ("ben@acme.test",)}
REPORTED: Final = (*ended("told", "m1", "the sender"), *delivered("reply to m1", "ann"))
REPORT: Final = {"reply to m1": ("ann@acme.test",)}

OUTBOUND: Final[tuple[Scenario, ...]] = (
    Scenario("submit: a recipient outside", submission(CARL), SUBMIT, {}, TO_CARL, acme),
    Scenario("submit: inside and outside", submission("ben@acme.test", CARL), SUBMIT, TO_BEN, BOTH, acme),
    Scenario("ingest: a submission inside", submission("ben@acme.test", CARL), INGEST, TO_BEN, BOTH, acme),
    Scenario("transmit: SES", submission(CARL), TRANSMIT, {}, TO_CARL, acme),
    Scenario(
        "transmit: SES, two recipients that differ in case",
        submission(CARL, CARL.capitalize()),
        TRANSMIT,
        {},
        (*TO_CARL, *ended("sent", "m1", CARL.capitalize())),
        acme,
    ),
    Scenario("transmit: a gateway", submission(CARL), TRANSMIT, {}, TO_CARL, by_gateway),
    Scenario(
        "transmit: a gateway that refuses the recipient",
        refused_altogether,
        TRANSMIT,
        REPORT,
        (*SENT_ITEMS, *ended("refused", "m1", DORA), *REPORTED),
        by_gateway,
    ),
    Scenario(
        "transmit: a gateway, one recipient refused and one at first",
        refused_by_the_gateway,
        TRANSMIT,
        REPORT,
        (*TO_CARL, *ended("refused", "m1", DORA), *ended("sent", "m1", EVE), *REPORTED),
        by_gateway,
    ),
    Scenario(
        "transmit: a gateway that is down at first",
        down_at_first,
        TRANSMIT,
        REPORT,
        (*TO_CARL, *delivered("reply to m1", "ann")),
        by_gateway,
    ),
    Scenario(
        "transmit: a gateway, two messages in one session",
        two_submissions,
        TRANSMIT,
        {},
        (*TO_CARL, *ended("submitted", "m2", "ann"), *ended("sent", "m2", DORA)),
        by_gateway,
    ),
    Scenario(
        "accept_outbound: more refusals than one transaction holds",
        submission(CARL, *REFUSED),
        ACCEPT,
        REPORT,
        (*TO_CARL, *ended("refused", "m1", *REFUSED), *REPORTED),
        refusing,
    ),
    Scenario(
        "transmit: a journal report",
        submission(CARL),
        TRANSMIT,
        {},
        (*TO_CARL, *ended("reported", "m1", "the journal")),
        journaled,
    ),
    Scenario(
        "record_feedback: a later bounce",
        bounced_later,
        FEEDBACK,
        REPORT,
        (*TO_CARL, *ended("refused", "m1", f"{CARL}, later"), *REPORTED),
        acme,
    ),
    Scenario(
        "bounce: a report into the sender's mailbox",
        bounced_later,
        frozenset({"bounce"}),
        REPORT,
        (*TO_CARL, *ended("refused", "m1", f"{CARL}, later"), *REPORTED),
        acme,
    ),
    Scenario(
        "accept_outbound: an out-of-office reply",
        asks_whether_she_is_there,
        ACCEPT,
        {"m1": ("ann@acme.test",)},
        (*delivered("m1", "ann"), *ended("sent", "reply to m1", "bob@example.org")),
        ann_is_away,
    ),
)
