"""Out-of-office replies, from the arrival of a message to the reply, on memory ports."""

from __future__ import annotations

import email
from dataclasses import replace
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.orders import BounceOrder
from postroom.contracts.outbound_orders import TransmitOrder
from postroom.contracts.reply_orders import ReplyOrder
from postroom.contracts.stored import RawLocation
from postroom.errors import MessageNotFoundError, StoreUnavailableError
from postroom.mime import automatic
from postroom.model.directory import EntityState
from postroom.model.facts import RECEIVED, SUBMITTED, EventName, OwnFact, reply_trace, trace_of
from postroom.model.limits import DAY_MS
from postroom.model.out_of_office import Audience, OutOfOffice, State
from postroom.model.records import Insert, Organization, Remove
from postroom.model.rules import ActionType, Direction
from postroom.outbound import reply
from postroom.routing.resolve import DISABLED
from tests.support.builders import ORG, notification
from tests.support.directory_records import domain
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.rules import rule
from tests.support.stops import StoppedError, Stopping, Stops

if TYPE_CHECKING:
    from email.message import EmailMessage

BOB = "bob@example.org"


@pytest.fixture
def system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    for name in ("ann", "ben"):
        made.user(name)
    made.group("team", "ann", "ben")
    made.away("ann")
    return made


def mail(*fields: str, author: str = BOB, to: str = "Ann <ann@acme.test>") -> bytes:
    head = [f"From: {author}", f"To: {to}", "Subject: Lunch?", "Message-ID: <1@example.org>", *fields]
    return "\r\n".join([*head, "", "Hello", ""]).encode()


def arrive(system: MemoryMailSystem, number: int = 1, content: bytes | None = None, **more: str) -> None:
    fields = {"source": BOB, **more}
    recipient = fields.pop("recipient", "ann@acme.test")
    system.arrive(f"m{number}", content or mail(), recipient, **fields)


def trace(number: int = 1) -> str:
    return reply_trace(trace_of(f"m{number}", ORG), "ann")


def replies(system: MemoryMailSystem, number: int = 1) -> list[TransmitOrder]:
    return [each for each in system.transit.open_orders(trace(number)) if isinstance(each, TransmitOrder)]


def sent(system: MemoryMailSystem, number: int = 1) -> EmailMessage:
    [order] = replies(system, number)
    return email.message_from_bytes(system.raw.read(order.raw), policy=policy.default)


def colleagues_reply(system: MemoryMailSystem) -> EmailMessage:
    """Let Ben write to Ann; return what his mailbox gets."""
    system.send("ben", mail(author="ben@acme.test"), "ann@acme.test")
    system.pump()
    [received] = system.contents("ben")
    return email.message_from_bytes(received, policy=policy.default)


def reasons(system: MemoryMailSystem, number: int = 1) -> list[str]:
    facts = system.ledger.facts(trace_of(f"m{number}", ORG))
    return [str(fact.data["reason"]) for fact in facts if fact.name is OwnFact.REPLY_NOT_SENT]


class TestTheReply:
    def test_a_sender_outside_gets_it(self, system: MemoryMailSystem) -> None:
        arrive(system)
        [order] = replies(system)
        assert (order.recipients, order.envelope_from, order.author) == ((BOB,), "", "ann@acme.test")
        assert list(system.queues.queues["transmit"]) == [order.message]
        message = sent(system)
        assert (message["From"], message["To"], message["Subject"]) == ("ann@acme.test", BOB, "Auto: Lunch?")
        assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
        assert (message["In-Reply-To"], message["References"]) == ("<1@example.org>", "<1@example.org>")
        assert message["Message-ID"] == f"<{trace()}@acme.test>"
        assert message.get_content() == "I am away.\r\n"
        opened = system.ledger.fact(trace(), SUBMITTED)
        assert opened is not None
        assert opened.data["causedBy"] == trace_of("m1", ORG)
        facts = {fact.name: fact for fact in system.ledger.facts(trace_of("m1", ORG))}
        assert facts[OwnFact.OUT_OF_OFFICE_ANSWERED].data == {"mailboxId": "ann", "replyTrace": trace()}
        assert system.contents("ann", "SENT_ITEMS") == []
        assert len(system.contents("ann")) == 1

    def test_a_sender_outside_is_answered_with_the_local_part_that_the_envelope_has(
        self, system: MemoryMailSystem
    ) -> None:
        arrive(system, source="Jo.Bloggs@Example.org")
        [order] = replies(system)
        assert order.recipients == ("Jo.Bloggs@example.org",)
        assert sent(system)["To"] == "Jo.Bloggs@example.org"
        system.go_out()
        assert [name for name, _ in system.ses.sent] == ["Jo.Bloggs@example.org"]

    def test_a_colleague_gets_it_and_is_not_answered_though_away(self, system: MemoryMailSystem) -> None:
        system.away("ben")
        system.send("ben", mail(author="ben@acme.test"), "ann@acme.test")
        system.pump()
        [received] = system.contents("ben")
        assert b"Auto-Submitted: auto-replied\r\n" in received
        assert len(system.contents("ann")) == 1, "the reply itself gets none"

    def test_any_text_is_sent_as_it_is(self, system: MemoryMailSystem) -> None:
        text = "Grüße\n.\nFrom here\n" + "x" * 3000
        system.directory.commit([Remove(_record(system))])
        system.away("ann", text)
        arrive(system, content=mail("Subject: ignored").replace(b"Lunch?", "Größe 😀".encode()))
        [order] = replies(system)
        content = system.raw.read(order.raw)
        assert content.isascii()
        assert max(map(len, content.split(b"\r\n"))) <= 998
        assert content.replace(b"\r\n", b"").count(b"\n") == 0
        message = sent(system)
        assert message.get_content().rstrip("\r\n") == text.replace("\n", "\r\n")
        assert message["Subject"] == "Auto: Größe 😀"

    def test_outbound_rules_decide_about_it(self, system: MemoryMailSystem) -> None:
        system.rules(rule(ActionType.DROP, direction=Direction.OUTBOUND, name="none leave"))
        arrive(system)
        assert replies(system) == []
        [applied] = [fact for fact in system.ledger.facts(trace()) if fact.name is EventName.RULE_APPLIED]
        assert applied.event["ruleName"] == "none leave"

    def test_once_to_a_sender_and_day(self, system: MemoryMailSystem) -> None:
        for number in range(3):
            arrive(system, number)
        arrive(system, 3, mail(author="Eve <eve@example.org>"), source="eve@example.org")
        assert [len(replies(system, number)) for number in range(4)] == [1, 0, 0, 1]
        assert [reasons(system, number) for number in range(4)] == [[], [reply.TOLD], [reply.TOLD], []]
        arrive(system, 4, source="BOB@Example.ORG")
        assert reasons(system, 4) == [reply.TOLD], "case makes no other sender"
        system.later += DAY_MS
        arrive(system, 5)
        assert len(replies(system, 5)) == 1
        assert BOB not in " ".join(system.tables.allowances)


class TestInsideAndOutside:
    def test_each_sender_gets_the_text_of_its_side(self, system: MemoryMailSystem) -> None:
        system.away("ann", inside="Ask Ben.", outside="Back in May.")
        arrive(system)
        assert sent(system).get_content() == "Back in May.\r\n"
        assert colleagues_reply(system).get_content() == "Ask Ben.\r\n"

    @pytest.mark.parametrize("audience", [Audience.NONE, Audience.KNOWN])
    def test_outside_the_audience_there_is_none(self, system: MemoryMailSystem, audience: Audience) -> None:
        system.away("ann", audience=audience)
        arrive(system)
        assert (replies(system), reasons(system)) == ([], [reply.OUTSIDE])
        assert colleagues_reply(system).get_content() == "I am away.\r\n"

    @pytest.mark.parametrize("outside", ["", " \n", "<html><body><p>&nbsp;</p><br></body></html>"])
    def test_a_side_without_a_text_gets_none(self, system: MemoryMailSystem, outside: str) -> None:
        system.away("ann", outside=outside)
        arrive(system)
        assert (replies(system), reasons(system)) == ([], [reply.NO_TEXT])
        assert colleagues_reply(system).get_content() == "I am away.\r\n"

    def test_an_address_of_another_organization_is_outside(self, system: MemoryMailSystem) -> None:
        other = replace(_organization(system), id="m-other", alias="other")
        system.directory.commit([Insert(other), Insert(domain("other.test", other))])
        system.away("ann", inside="Ask Ben.", outside="Back in May.")
        arrive(system, content=mail(author="eve@other.test"), source="eve@OTHER.test")
        assert sent(system).get_content() == "Back in May.\r\n"

    def test_the_domain_decides_in_any_case_also_without_a_mailbox(self, system: MemoryMailSystem) -> None:
        system.away("ann", inside="Ask Ben.", outside="Back in May.")
        arrive(system, content=mail(author="ghost@acme.test"), source="ghost@ACME.test")
        opened = system.ledger.fact(trace(), SUBMITTED)
        assert opened is not None
        assert b"Ask Ben." in system.raw.read(RawLocation(**opened.data["raw"]))

    @pytest.mark.parametrize(("verified", "told"), [(False, "Back in May.\r\n"), (True, "Ask Ben.\r\n")])
    def test_a_domain_that_ses_has_not_confirmed_is_outside(
        self, system: MemoryMailSystem, told: str, *, verified: bool
    ) -> None:
        """A rule sends what is for its addresses to a gateway, and so perhaps to the domain's real owner."""
        of_others = domain("example.org", _organization(system), is_test=False, verified=verified)
        system.directory.commit([Insert(of_others)])
        system.rules(rule(ActionType.SMTP_GATEWAY, direction=Direction.OUTBOUND, gateway="g-1"))
        system.away("ann", inside="Ask Ben.", outside="Back in May.")
        arrive(system)
        assert sent(system).get_content() == told

    def test_the_audience_may_change_before_the_reply(self, system: MemoryMailSystem) -> None:
        system.raw.store("inbound/m1", mail())
        system.ingest.accept(notification("m1", ["ann@acme.test"], source=BOB))
        system.deliver.accept(system.queues.queues["deliver"].popleft())
        system.away("ann", audience=Audience.NONE)
        system.pump()
        assert (replies(system), reasons(system)) == ([], [reply.OUTSIDE])

    def test_one_that_is_disabled_is_not_sent(self, system: MemoryMailSystem) -> None:
        system.away("ann", state=State.DISABLED)
        arrive(system)
        assert (replies(system), reasons(system)) == ([], [])


class TestHtml:
    HTML = (
        "<html><head><style>p {}</style></head><body><p>Grüße,</p>\r\n<p>back <b>soon</b> &amp; <i>well</i></p></body>"
    )

    def test_it_is_sent_as_it_is_beside_its_text(self, system: MemoryMailSystem) -> None:
        system.away("ann", self.HTML)
        arrive(system)
        message = sent(system)
        assert message.get_content_type() == "multipart/alternative"
        text, html = message.iter_parts()
        assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert text.get_content() == "Grüße,\r\nback soon & well\r\n"
        assert html.get_content() == self.HTML + "\r\n"
        assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-replied", "All")

    def test_no_line_is_too_long(self, system: MemoryMailSystem) -> None:
        system.away("ann", "<p>" + "é" * 30_000 + "</p>")
        arrive(system)
        [order] = replies(system)
        content = system.raw.read(order.raw)
        assert content.isascii()
        assert max(map(len, content.split(b"\r\n"))) <= 998
        assert content.replace(b"\r\n", b"").count(b"\n") == 0


class TestNoReply:
    @pytest.mark.parametrize(
        ("fields", "source"),
        [
            (("List-Id: <l.example.org>",), BOB),
            (("Auto-Submitted: auto-generated",), BOB),
            (("Precedence: bulk",), BOB),
            (("X-Auto-Response-Suppress: OOF",), BOB),
            ((), ""),
            ((), "MAILER-DAEMON@example.org"),
        ],
    )
    def test_a_message_that_wants_none_makes_no_order(
        self, system: MemoryMailSystem, fields: tuple[str, ...], source: str
    ) -> None:
        arrive(system, content=mail(*fields), source=source)
        assert {fact.name.value for fact in system.ledger.facts(trace_of("m1", ORG))} == {
            RECEIVED,
            "MAILBOX_EMAIL_DELIVERED",
        }

    def test_junk_makes_no_order(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", mail(), "ann@acme.test", source=BOB, verdicts={"spam": "FAIL"})
        assert len(system.contents("ann", "JUNK_EMAIL")) == 1
        assert system.ledger.facts(trace()) == []
        assert reasons(system) == []

    @pytest.mark.parametrize("days", [(1, None), (-2, -1)])
    def test_before_and_after_the_time_there_is_no_order(
        self, system: MemoryMailSystem, days: tuple[float, float | None]
    ) -> None:
        system.away("ann", days=days)
        arrive(system)
        assert (replies(system), reasons(system)) == ([], [])

    def test_a_message_to_a_group_names_no_address_of_the_mailbox(self, system: MemoryMailSystem) -> None:
        arrive(system, content=mail(to="team@acme.test"), recipient="team@acme.test")
        assert (replies(system), reasons(system)) == ([], [automatic.NOT_NAMED])

    @pytest.mark.parametrize("to", ["a.berg@acme.test", "ann+news@acme.test"])
    def test_an_alias_and_a_tag_do(self, system: MemoryMailSystem, to: str) -> None:
        system.alias("a.berg", "ann")
        system.entity("ann", aliases=("a.berg@acme.test",))
        arrive(system, content=mail(to=to), recipient=to)
        assert len(replies(system)) == 1

    def test_a_sender_without_a_usual_address_gets_none(self, system: MemoryMailSystem) -> None:
        arrive(system, source='"b b"@example.org')
        assert (replies(system), reasons(system)) == ([], [automatic.NO_ADDRESS])

    @pytest.mark.parametrize("sender", ["ann@acme.test", "ANN@Acme.test", "Ann+Lists@acme.test"])
    def test_the_owner_gets_none(self, system: MemoryMailSystem, sender: str) -> None:
        arrive(system, content=mail(author="ann@acme.test"), source=sender)
        assert (system.ledger.facts(trace()), reasons(system)) == ([], [reply.OWN])

    @pytest.mark.parametrize("sender", ["team@acme.test", "Team@Acme.test", "team+x@acme.test"])
    def test_a_group_gets_none(self, system: MemoryMailSystem, sender: str) -> None:
        """One forged message would be answered to each of its members."""
        arrive(system, source=sender)
        assert (system.ledger.facts(trace()), reasons(system)) == ([], [reply.GROUP])
        assert system.contents("ben") == []


class TestBetweenDeliveryAndReply:
    @pytest.fixture
    def order(self, system: MemoryMailSystem) -> ReplyOrder:
        """The message is delivered, and the order waits."""
        system.raw.store("inbound/m1", mail())
        system.ingest.accept(notification("m1", ["ann@acme.test"], source=BOB))
        system.deliver.accept(system.queues.queues["deliver"].popleft())
        return ReplyOrder.read(system.queues.queues["accept_outbound"].popleft())

    def test_the_reply_was_deleted(self, system: MemoryMailSystem, order: ReplyOrder) -> None:
        system.directory.commit([Remove(_record(system))])
        system.out_of_office.accept(order)
        assert (replies(system), reasons(system)) == ([], [reply.NOT_AWAY])

    def test_its_time_ended(self, system: MemoryMailSystem, order: ReplyOrder) -> None:
        system.away("ann", days=(-1, 0))
        system.out_of_office.accept(order)
        assert reasons(system) == [reply.NOT_AWAY]

    def test_the_user_was_disabled(self, system: MemoryMailSystem, order: ReplyOrder) -> None:
        system.entity("ann", state=EntityState.DISABLED)
        system.out_of_office.accept(order)
        assert reasons(system) == [DISABLED[0]]

    def test_the_message_is_gone(self, system: MemoryMailSystem, order: ReplyOrder) -> None:
        system.raw.remove("inbound/m1")
        system.out_of_office.accept(order)
        [parked] = system.things.list()
        assert MessageNotFoundError.__name__ in parked.cause
        assert system.transit.order(order.trace, order.key) == order

    def test_a_run_that_stopped_before_it_sent_is_made_good(
        self, system: MemoryMailSystem, order: ReplyOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as stopped:
            stopped.setattr(type(system.queues), "send", _fails)
            with pytest.raises(StoreUnavailableError):
                system.out_of_office.accept(order)
        assert not system.queues.queues["transmit"]
        for _ in range(2):
            system.out_of_office.accept(order)
        [left] = replies(system)
        assert set(system.queues.queues["transmit"]) == {left.message}

    def test_a_delivery_that_stopped_before_it_sent_is_made_good(self, system: MemoryMailSystem) -> None:
        system.raw.store("inbound/m2", mail())
        system.ingest.accept(notification("m2", ["ann@acme.test"], source=BOB))
        body = system.queues.queues["deliver"].popleft()
        for _ in range(2):
            system.deliver.accept(body)
        assert len(system.queues.queues["accept_outbound"]) == 2
        system.pump()
        assert len(replies(system, 2)) == 1

    def test_another_run_was_faster(self, system: MemoryMailSystem, order: ReplyOrder) -> None:
        system.out_of_office.accept(order)
        system.raw.remove("inbound/m1")
        system.out_of_office.accept(order)
        assert len(replies(system)) == 1
        assert not list(system.things.list())


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("source", "least"), [(BOB, 5), ("ben@acme.test", 5)])
def test_wherever_a_reply_stops_the_sender_gets_one(source: str, least: int, *, after: bool) -> None:
    for at in range(1, 30):
        system = MemoryMailSystem()
        for name in ("ann", "ben"):
            system.user(name)
        system.away("ann")
        system.raw.store("inbound/m1", mail())
        system.ingest.accept(notification("m1", ["ann@acme.test"], source=source))
        system.deliver.accept(system.queues.queues["deliver"].popleft())
        body = system.queues.queues["accept_outbound"].popleft()
        was_stopped = _stopped(system, Stops(at, after), ReplyOrder.read(body))
        system.queues.queues["accept_outbound"].append(body)
        system.pump()
        got = len(replies(system)), len(system.contents("ben"))
        assert got == ((1, 0) if source == BOB else (0, 1))
        assert system.transit.is_clear(trace_of("m1", ORG))
        assert (list(system.things.list()), reasons(system)) == ([], [])
        if not was_stopped:
            assert at > least
            return
    pytest.fail("more calls than are walked")


def _stopped(system: MemoryMailSystem, stops: Stops, order: ReplyOrder) -> bool:
    station = system.out_of_office
    names = ("owners", "records", "replies", "raw", "transit", "queues")
    ports: dict[str, Any] = {name: Stopping(getattr(station, name), stops) for name in names}
    try:
        replace(station, **ports).accept(order)
    except StoppedError:
        return True
    return False


def test_no_text_in_another_order_makes_it_an_order_to_reply() -> None:
    bounce = BounceOrder(trace="t", organization_id=ORG, name='x","kind":"REPLY"', since=0)
    assert ReplyOrder.read_if_own(bounce.message) is None


def _organization(system: MemoryMailSystem) -> Organization:
    found = system.directory.organization(ORG)
    assert found is not None
    return found


def _record(system: MemoryMailSystem) -> OutOfOffice:
    found = system.directory.owned(OutOfOffice, ORG, "ann")
    assert found is not None
    return found


def _fails(*_: object) -> None:
    raise StoreUnavailableError("the queue does not answer")
