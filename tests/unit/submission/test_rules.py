"""Outbound rules: each recipient gets the action of the rule that decides about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.outbound_orders import AcceptOrder, InsideOrder, TransmitOrder, end_key
from postroom.contracts.stored import RawLocation
from postroom.errors import UnreadableRulesError
from postroom.mime.headers import Headers
from postroom.model.addresses import Address
from postroom.model.directory import EntityKind, MailDomain, OrganizationRef
from postroom.model.facts import SUBMITTED, EventName, Fact
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.records import Insert, Replace
from postroom.model.rule_index import RuleSet
from postroom.model.rules import ActionType, Direction
from postroom.routing.outbound_flow import OutboundFlow
from postroom.routing.plan import Plan
from postroom.submission.decide import OutboundSettings, decide
from tests.support.builders import NOON, ORG, TRACE, arn
from tests.support.outbound import MAIL, PLAIN, Office, outbound

if TYPE_CHECKING:
    from postroom.model.rules import Rule
    from postroom.routing.plan import Flow

DROP, BOUNCE, DEFAULT, GATEWAY = (
    ActionType.DROP,
    ActionType.BOUNCE,
    ActionType.DEFAULT,
    ActionType.SMTP_GATEWAY,
)
SENT, BOUNCED = "OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED"


@pytest.fixture
def office() -> Office:
    return Office()


def test_each_recipient_has_the_action_of_its_rule(office: Office) -> None:
    office.rules(
        outbound(DROP, recipients="drop@example.org", id="r1", name="never"),
        outbound(BOUNCE, recipients="bounce@example.org", id="r2", name="back", message="Not to them."),
        outbound(GATEWAY, recipients="partner.example", id="r3", name="partner", gateway="g-1"),
    )
    trace = office.mail(
        "carl@example.org", "drop@example.org", "x@partner.example", "bounce@example.org", "y@partner.example"
    )
    assert office.ways() == {
        "ses:1": ("carl@example.org",),
        "g-1:1": ("x@partner.example", "y@partner.example"),
    }
    assert [order.gateway_id for order in office.transmissions()] == ["", "g-1"]
    assert office.ends(trace) == {"bounce@example.org": BOUNCED}
    assert office.applied(trace) == [
        ("never", {"DROP": ["drop@example.org"]}),
        ("back", {"BOUNCE": ["bounce@example.org"]}),
        ("partner", {"SMTP_GATEWAY": ["x@partner.example", "y@partner.example"]}),
    ]
    refused = office.ledger.fact(trace, end_key("bounce@example.org"))
    assert refused is not None
    assert refused.event["bouncedRecipient"] == {
        "emailAddress": "bounce@example.org",
        "reason": "Not to them.",
        "status": "5.7.1",
    }


def test_a_rules_fact_is_of_an_outbound_rule_and_says_what_was_dropped(office: Office) -> None:
    office.rules(outbound(DROP, id="r1", name="never"))
    trace = office.mail("carl@example.org")
    fact = office.ledger.fact(trace, f"{EventName.RULE_APPLIED}:r1")
    assert fact is not None
    assert fact.event["ruleType"] == "OUTBOUND_RULE"
    assert fact.data == {"ruleId": "r1", "rulesVersion": 1, "final": True}
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]
    assert office.transit.is_clear(trace)


def test_inbound_rules_do_not_decide_about_what_leaves_nor_outbound_ones_about_what_arrives(office: Office) -> None:
    from tests.support.rules import rule

    office.rules(rule(DROP, id="in"), outbound(DROP, recipients="nobody@example.org", id="out"))
    office.mail("carl@example.org")
    assert office.ways() == {"ses:1": ("carl@example.org",)}


@pytest.mark.parametrize(
    ("senders", "wins"),
    [("ann@acme.test", True), ("acme.test", True), ("*.acme.test", True), ("ben@acme.test", False), ("*", True)],
)
def test_a_senders_pattern_matches_from(office: Office, senders: str, *, wins: bool) -> None:
    office.rules(outbound(DROP, senders))
    office.mail("carl@example.org")
    assert office.ways() == ({} if wins else {"ses:1": ("carl@example.org",)})


def test_the_sender_field_is_matched_before_from(office: Office) -> None:
    """The guide says so of inbound mail, and of outbound "Sender or From" (docs/parity.md)."""
    boss = MailboxPermission(
        organization_id=ORG,
        owner_id="ben",
        grantee_id="ann",
        grantee_kind=EntityKind.USER,
        permissions=(Permission.SEND_ON_BEHALF,),
    )
    office.directory.commit([Insert(boss)])
    office.rules(outbound(DROP, "ben@acme.test", id="from"), outbound(GATEWAY, "ann@acme.test", gateway="g-1"))
    content = MAIL.replace(b"Ann <ann@acme.test>", b"ben@acme.test")
    office.mail("carl@example.org", content=content, on_behalf_of="ben@acme.test")
    assert office.ways() == {"g-1:1": ("carl@example.org",)}


def test_of_equally_specific_rules_the_most_restrictive_wins(office: Office) -> None:
    rules = [outbound(DEFAULT), outbound(GATEWAY, gateway="g-1"), outbound(BOUNCE), outbound(DROP)]
    for count, ends in ((2, {"g-1:1": ("carl@example.org",)}), (3, {}), (4, {})):
        office = Office()
        office.rules(*rules[:count])
        trace = office.mail("carl@example.org")
        assert office.ways() == ends
        assert bool(office.ends(trace)) == (count == 3)


def test_a_gateways_rule_for_all_recipients_has_those_inside_too(office: Office) -> None:
    office.rules(outbound(GATEWAY, gateway="g-1"))
    office.mail("carl@example.org", "ben@acme.test")
    assert office.ways() == {"g-1:1": ("carl@example.org", "ben@acme.test")}


def test_all_orders_of_a_message_that_needs_a_plain_copy_use_it(office: Office) -> None:
    trace = office.mail("carl@example.org", "ben@acme.test")
    [order] = office.transmissions()
    assert type(order.raw) is RawLocation
    assert office.raw.read(order.raw) == PLAIN
    assert order.size == office.opened(trace).data["size"] == len(PLAIN)
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]


def test_a_message_to_hundreds_that_are_refused_is_accepted_in_chunks(office: Office) -> None:
    office.rules(outbound(BOUNCE, recipients="bounce.example", id="r1", name="back"))
    names = [f"n{number}@bounce.example" for number in range(130)]
    submitted = office.send("ann", MAIL, "carl@example.org", *names)
    [order] = office.transit.open_orders(submitted.trace)
    assert isinstance(order, AcceptOrder)
    assert (order.number, order.chunks) == (0, 4)
    assert list(office.queues.queues["accept_outbound"]) == [order.message]
    office.pump()
    assert office.ends(submitted.trace) == dict.fromkeys(names, BOUNCED)
    assert office.ways() == {"ses:1": ("carl@example.org",)}
    assert office.raw.read(office.transmissions()[0].raw) == PLAIN
    assert not any(isinstance(each, AcceptOrder) for each in office.transit.open_orders(submitted.trace))
    assert len(office.contents("ann", "SENT_ITEMS")) == 1


def test_a_missing_rule_set_is_not_no_rules(office: Office) -> None:
    organization, domain = office.directory.organization(ORG), office.directory.domain_record("acme.test")
    assert organization is not None
    assert domain is not None
    office.directory.commit(
        [Replace(replace(organization, rules_version=3)), Replace(replace(domain, rules_version=3))]
    )
    with pytest.raises(UnreadableRulesError):
        office.send("ann", MAIL, "carl@example.org")
    assert office.contents("ann", "SENT_ITEMS") == []
    assert office.sealed.under("") == []
    assert not office.queues.queues["transmit"]


ACTIONS = st.sampled_from([DROP, BOUNCE, DEFAULT, GATEWAY])
DOMAINS = ["acme.test", "example.org", "partner.example"]
RECIPIENTS = st.lists(
    st.builds("{}@{}".format, st.sampled_from("abcdefgh"), st.sampled_from(DOMAINS)), min_size=1, unique=True
)
PATTERNS = st.sampled_from([*DOMAINS, "*", "a@example.org", "b@acme.test", "*.example"])


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    return [
        outbound(draw(ACTIONS), draw(st.sampled_from(["*", "acme.test"])), draw(PATTERNS), id=f"r{n}", gateway=f"g-{n}")
        for n in range(draw(st.integers(0, 6)))
    ]


@given(RECIPIENTS, rules())
def test_every_recipient_is_sent_bounced_or_dropped_exactly_once(recipients: list[str], made: list[Rule]) -> None:
    plan = _decided(recipients, made)
    orders = [entry for entry in plan.entries if isinstance(entry, TransmitOrder | InsideOrder)]
    ways = [each for order in orders for each in order.recipients]
    facts = [entry for entry in plan.entries if isinstance(entry, Fact)]
    bounced = [f.event["destination"] for f in facts if f.name is EventName.OUTGOING_EMAIL_BOUNCED]
    applied = [each for f in facts if f.name is EventName.RULE_APPLIED for each in f.event["ruleActions"]]
    dropped = [name for each in applied if each["action"] == "DROP" for name in each["recipients"]]
    assert sorted([*ways, *bounced, *dropped]) == sorted(recipients)
    inside = [each for order in orders if isinstance(order, InsideOrder) for each in order.recipients]
    assert all(each.endswith("@acme.test") for each in inside)
    keys = [entry.key for entry in plan.entries]
    assert len(keys) == len(set(keys))
    assert Plan.thaw(plan.freeze(), _no_flow) == plan


def _no_flow() -> Flow:
    raise AssertionError


def _decided(recipients: list[str], made: list[Rule]) -> Plan:
    flow = OutboundFlow(
        trace=TRACE,
        organization_id=ORG,
        envelope_from="ann@acme.test",
        author="ann@acme.test",
        sender="",
        message_id="<1@acme.test>",
        raw=RawLocation(bucket="b", key="transit/x/submitted"),
        size=1,
        now=NOON,
    )
    organization = OrganizationRef(ORG, arn(), "acme", "key", active=True)
    domain = MailDomain("acme.test", organization, False, 3, True, None)
    addresses = {each: Address(*each.split("@")) for each in recipients}
    inside = {name for name, address in addresses.items() if address.domain == "acme.test"}
    settings = OutboundSettings([domain], RuleSet(made, Direction.OUTBOUND))
    return decide(flow, Headers.of(MAIL), addresses, inside, settings)


def test_the_first_fact_of_a_message_with_a_plain_copy_names_it(office: Office) -> None:
    trace = office.mail("ben@acme.test")
    assert office.opened(trace).key == SUBMITTED
    assert office.raw.read(RawLocation(**office.opened(trace).data["raw"])) == PLAIN
