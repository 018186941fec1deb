"""The way of a message on memory ports: the stations themselves, and queues between them; a message takes no time."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postroom.adapters.memory.account_quota import MemoryAccountQuota
from postroom.adapters.memory.bounces import MemoryBounceSender
from postroom.adapters.memory.calendars import MemoryCalendars
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.mailbox_keys import MemoryMailboxKeys
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.open_calls import MemoryOpenCalls
from postroom.adapters.memory.open_transmissions import MemoryOpenTransmissions
from postroom.adapters.memory.outgoing import MemorySesSender
from postroom.adapters.memory.parked import MemoryParkedThings
from postroom.adapters.memory.probes import MemoryProbes
from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.adapters.memory.rule_sets import MemoryRuleSets
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.adapters.memory.smtp_relays import MemorySmtpRelays
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.adapters.memory.transit_keys import MemoryTransitKeys
from postroom.adapters.memory.transmission_scans import MemoryTransmissionScans
from postroom.bounce.bounce import Bouncer
from postroom.calendar_store.store import CalendarStore
from postroom.delivery.deliver import Deliver
from postroom.effects.once import Once
from postroom.inbound.ingest import Ingest
from postroom.meetings.resources import Resources
from postroom.meetings.update_calendar import UpdateCalendar
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.facts import trace_of
from postroom.model.limits import DAY_MS
from postroom.model.out_of_office import Audience, OutOfOffice, ReplySettings, State
from postroom.model.records import (
    AddressClaim,
    Delegation,
    Domain,
    DomainState,
    Entity,
    Insert,
    Membership,
    Organization,
    OrganizationState,
    Put,
    Replace,
)
from postroom.model.resources import BookingOptions, ResourceType
from postroom.outbound.accept_outbound import AcceptOutbound
from postroom.outbound.acceptance import Acceptance
from postroom.outbound.inside import OwnAddresses
from postroom.outbound.journal_feedback import JournalFeedback
from postroom.outbound.reading import OrderReader
from postroom.outbound.reply import OutOfOfficeReplies
from postroom.outbound.timetable import Timetable
from postroom.outbound.transmit import Transmit
from postroom.outbound.waiting import OutgoingQueue
from postroom.parking.flows import FlowParking
from postroom.parking.redrive import Redriving
from postroom.ports.mailboxes import MailboxOwner
from postroom.routing.own_mail import OwnMail
from postroom.rules.attempt import Caller
from postroom.rules.breaker import Breaker
from postroom.rules.run_async_rule import RunAsyncRule
from postroom.rules.run_sync_rule import RunSyncRule
from postroom.sealing import open_message
from postroom.submission.own import OwnSubmissions
from postroom.submission.replies import MailboxReplies
from postroom.submission.sent_copies import SentCopies
from postroom.submission.submission import Protocols, Submission, Submitted
from postroom.submission.submit import Submit
from tests.support.builders import NOON, ORG, arn, notification
from tests.support.sweeps import Organizations

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator

    from postroom.model.facts import Fact
    from postroom.model.journaling import Journaling
    from postroom.model.rules import Rule

KMS = "arn:aws:kms:us-east-1:123456789012:key/1"


@dataclass(frozen=True)
class MemoryParking(FlowParking, Redriving):
    """What ingest, park and the operator do with parked things, together."""


class MemoryMailSystem:
    """One organization, acme.test, with mailboxes."""

    def __init__(self) -> None:
        self.later = 0
        """Milliseconds that have passed; a message takes none."""
        self.submissions = 0
        self.tables = MemoryTables()
        self.rule_sets = MemoryRuleSets()
        self.directory = MemoryDirectory()
        self.keys = MemoryMailboxKeys()
        self.keys.add(KMS)
        self.sealed = MemorySealedMail()
        self.transit_keys = MemoryTransitKeys()
        self.raw = MemoryRawMail("inbound-bucket", self.now, self.transit_keys, self.sealed)
        self.mailboxes = MemoryMailboxes(self.tables, self.now)
        self.transit = MemoryTransit(self.tables, self.now)
        self.things = MemoryParkedThings(self.tables, self.now)
        self.ledger = MemoryLedger(self.tables)
        self.queues = MemoryQueues()
        self.sender = MemoryBounceSender()
        self.parking = MemoryParking(
            things=self.things,
            ledger=self.ledger,
            now=self.now,
            transit=self.transit,
            queues=self.queues,
            organizations=Organizations(),
        )
        self.ingest = Ingest(
            directory=self.directory,
            rule_sets=self.rule_sets,
            raw=self.raw,
            transit=self.transit,
            ledger=self.ledger,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            bucket="inbound-bucket",
        )
        self.deliver = Deliver(
            owners=self.directory,
            raw=self.raw,
            sealed=self.sealed,
            keys=self.keys,
            mailboxes=self.mailboxes,
            transit=self.transit,
            ledger=self.ledger,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            random=os.urandom,
            pause=lambda _: None,
        )
        self.bouncer = Bouncer(
            owners=self.directory,
            transit=self.transit,
            once=Once(self.transit, self.now, lambda: 0.5, redo_after_ms=0),
            ledger=self.ledger,
            raw=self.raw,
            sender=self.sender,
            journal=JournalFeedback(self.ledger, self.transit, self.queues, self.now),
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            look_again_s=0,
            wait_for_others_ms=0,
        )
        self.functions = MemoryRuleFunctions()
        breaker = Breaker(MemoryProbes(self.now), lambda: os.urandom(8).hex())
        caller = Caller(self.functions, self.functions, breaker, self.now, region="us-east-1", account="123456789012")
        open_calls = MemoryOpenCalls(self.transit, self.directory)
        self.run_sync_rule = RunSyncRule(
            caller=caller,
            open_calls=open_calls,
            directory=self.directory,
            raw=self.raw,
            transit=self.transit,
            ledger=self.ledger,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            chance=lambda: 0.5,
        )
        self.run_async_rule = RunAsyncRule(
            caller=caller,
            open_calls=open_calls,
            transit=self.transit,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            chance=lambda: 0.5,
        )
        self.calendars = CalendarStore(
            mailboxes=self.mailboxes,
            calendars=MemoryCalendars(self.tables, self.now),
            keys=self.keys,
            sealed=self.sealed,
            now=self.now,
            random=os.urandom,
        )
        submissions = OwnSubmissions(self.directory, self.rule_sets, self.raw, self.now)
        self.replies = MailboxReplies(OwnMail(self.directory, self.raw, self.now), submissions, self.now)
        self.update_calendar = UpdateCalendar(
            owners=self.directory,
            records=self.directory,
            directory=self.directory,
            raw=self.raw,
            calendars=self.calendars,
            resources=Resources(
                directory=self.directory,
                records=self.directory,
                replies=self.replies,
                transit=self.transit,
                ledger=self.ledger,
                now=self.now,
                outsiders_may_book=False,
            ),
            transit=self.transit,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            pause=lambda _: None,
        )
        self.accept_outbound = AcceptOutbound(self.raw, self.transit, self.queues, self.parking, self.now)
        self.out_of_office = OutOfOfficeReplies(
            owners=self.directory,
            records=self.directory,
            replies=self.replies,
            raw=self.raw,
            transit=self.transit,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
        )
        self.ses = MemorySesSender()
        self.own_addresses = OwnAddresses(
            self.directory, self.mailboxes, self.raw, self.transit, self.ledger, self.queues
        )
        self.relays = MemorySmtpRelays()
        self.transmit = Transmit(
            read=OrderReader(self.raw, self.own_addresses).read,
            owners=self.directory,
            gateways=self.directory,
            transit=self.transit,
            open=MemoryOpenTransmissions(self.tables, self.now),
            ledger=self.ledger,
            ses=self.ses,
            relays=self.relays,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            chance=lambda: 0.5,
            new_run=lambda: os.urandom(8).hex(),
            pause=lambda _: None,
        )
        scans = MemoryTransmissionScans(self.tables)
        self.outgoing_queue = OutgoingQueue(scans, self.ledger, self.queues, self.now, Timetable())
        self.submit = Submit(
            owners=self.directory,
            directory=self.directory,
            records=self.directory,
            rule_sets=self.rule_sets,
            quota=MemoryAccountQuota(self.tables),
            mailboxes=self.mailboxes,
            copies=SentCopies(self.sealed, self.keys, self.transit_keys, os.urandom, "mail-bucket"),
            raw=self.raw,
            transit=self.transit,
            ledger=self.ledger,
            queues=self.queues,
            now=self.now,
            pause=lambda _: None,
        )
        self._organization()

    def now(self) -> int:
        return NOON + 1000 + self.later

    def function(self, name: str, answer: Callable[[Any], Any]) -> str:
        """Deploy a function that rules may call, from event to answer; return its ARN."""
        arn_ = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        self.functions.functions[arn_] = lambda event: json.dumps(answer(json.loads(event))).encode()
        self.functions.policies[arn_] = {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "workmail.us-east-1.amazonaws.com"},
                    "Action": "lambda:InvokeFunction",
                    "Condition": {"ArnLike": {"AWS:SourceArn": arn()}},
                }
            ]
        }
        return arn_

    def rules(self, *rules: Rule, journaling: Journaling | None = None) -> None:
        """Give the organization these rules and no others, and this journaling or none."""
        organization, domain = self.directory.organization(ORG), self.directory.domain_record("acme.test")
        assert organization is not None
        assert domain is not None
        version = organization.rules_version + 1
        assert self.rule_sets.keep(ORG, version, rules, journaling)
        self.directory.commit(
            [Replace(replace(organization, rules_version=version)), Replace(replace(domain, rules_version=version))]
        )

    def user(self, name: str, quota: int = 1 << 40, **changes: Any) -> None:
        """Make a user with a mailbox; ``changes`` may make a resource of it."""
        fields: dict[str, Any] = {"kind": EntityKind.USER, "role": Role.USER, "email": f"{name}@acme.test", **changes}
        entity = Entity(organization_id=ORG, id=name, name=name, created=NOON, state=EntityState.ENABLED, **fields)
        claims = [
            AddressClaim(address=address, organization_id=ORG, entity_id=name, kind=entity.kind)
            for address in entity.addresses
        ]
        self.directory.commit([Insert(entity), *map(Insert, claims)])
        owner = MailboxOwner(ORG, arn(), KMS)
        self.mailboxes.create(name, owner, wrapped_key=self.keys.new(KMS, arn()), quota_bytes=quota, now_ms=NOON)

    def resource(self, name: str, *delegates: str, **options: bool) -> None:
        """Make a room with a mailbox; ``options`` are its booking options, defaults where not given."""
        room: dict[str, Any] = {"kind": EntityKind.RESOURCE, "role": Role.RESOURCE, "resource_type": ResourceType.ROOM}
        self.user(name, **room, booking_options=BookingOptions(**options))
        for delegate in delegates:
            kind = EntityKind.GROUP if delegate.startswith("group") else EntityKind.USER
            made = Delegation(organization_id=ORG, resource_id=name, delegate_id=delegate, delegate_kind=kind)
            self.directory.commit([Insert(made)])

    def away(
        self, name: str, text: str = "I am away.\n", days: tuple[float, float | None] = (0, None), **changes: Any
    ) -> None:
        """Give a user an out-of-office reply, from and until some days after now; ``changes`` are of its settings."""
        starts, ends = (None if each is None else self.now() + round(each * DAY_MS) for each in days)
        times: dict[str, Any] = {"start_ms": starts, "end_ms": ends}
        fields = {"state": State.SCHEDULED, "audience": Audience.ALL, "inside": text, "outside": text, **times}
        made = OutOfOffice.of(ORG, name, ReplySettings(**{**fields, **changes}), now=self.now())
        self.directory.commit([Put(made)])
        assert self.mailboxes.set_away(name, made.away)

    def alias(self, name: str, whose: str, kind: EntityKind = EntityKind.USER) -> None:
        claim = AddressClaim(address=f"{name}@acme.test", organization_id=ORG, entity_id=whose, kind=kind)
        self.directory.commit([Insert(claim)])

    def group(self, name: str, *members: str) -> None:
        made = Entity(
            organization_id=ORG,
            id=name,
            kind=EntityKind.GROUP,
            name=name,
            created=NOON,
            state=EntityState.ENABLED,
            email=f"{name}@acme.test",
        )
        self.directory.commit([Insert(made)])
        self.alias(name, name, EntityKind.GROUP)
        for member in members:
            membership = Membership(organization_id=ORG, group_id=name, member_id=member, member_kind=EntityKind.USER)
            self.directory.commit([Insert(membership)])

    def entity(self, name: str, **changes: Any) -> None:
        """Change a user or group."""
        before = self.directory.entity(ORG, name)
        assert before is not None
        self.directory.commit([Replace(replace(before, **changes))])

    def arrive(self, message_id: str, content: bytes, *recipients: str, **more: Any) -> list[Fact]:
        """Let one message arrive and everything be done about it; return what is known of it."""
        self.raw.store(f"inbound/{message_id}", content)
        self.ingest.accept(notification(message_id, recipients, **more))
        self.pump()
        return list(self.ledger.facts(trace_of(message_id, ORG)))

    def send(self, user: str, content: bytes, *recipients: str, **more: Any) -> Submitted:
        """Submit a message of a user; what follows from it is in the queues. Each call is a submission of its own."""
        self.submissions += 1
        fields: dict[str, Any] = {"token": f"token-{self.submissions}", "protocol": Protocols.API, **more}
        return self.submit.submit(Submission(ORG, user, content, recipients=recipients, **fields))

    def pump(self) -> None:
        """Carry out every order; rules' calls that are put off wait for ``call_again``."""
        while any(queue for queue, _ in self._queues()):
            for queue, accept in self._queues():
                while queue:
                    accept(queue.popleft())

    def go_out(self) -> None:
        """Carry out every order, those to transmit too; messages that are tried again wait for ``go_out_again``."""
        self.pump()
        while self.queues.queues["transmit"]:
            self.transmit.accept(self.queues.queues["transmit"].popleft())
            self.pump()

    def go_out_again(self) -> int:
        """Let the time pass until a message that waits comes again, and carry everything out; return the seconds."""
        body, delay_s = self.queues.later["transmit"].popleft()
        self.later += delay_s * 1000
        self.transmit.accept(body)
        self.go_out()
        return delay_s

    def call_again(self) -> list[int]:
        """Let the time pass until the calls that were put off are due, and carry everything out; return the delays."""
        waiting = list(self.queues.later.pop("run_sync_rule", ()))
        self.later += max((delay for _, delay in waiting), default=0) * 1000
        for body, _ in waiting:
            self.run_sync_rule.accept(body)
        self.pump()
        return [delay for _, delay in waiting]

    def _queues(self) -> Iterator[tuple[deque[Any], Any]]:
        queues = self.queues.queues
        yield queues["ingest"], self.ingest.accept
        yield queues["accept_outbound"], Acceptance(self.accept_outbound, self.out_of_office).accept
        yield queues["deliver"], self.deliver.accept
        yield queues["update_calendar"], self.update_calendar.accept
        yield queues["bounce"], self.bouncer.accept
        yield self.queues.later["bounce"], lambda sent: self.bouncer.accept(sent[0])
        yield queues["run_sync_rule"], self.run_sync_rule.accept
        yield queues["run_async_rule"], self.run_async_rule.accept

    def contents(self, mailbox_id: str, folder: str = "INBOX") -> list[bytes]:
        """Return the messages of a folder, opened, by UID."""
        head = self.mailboxes.head(mailbox_id)
        assert head is not None
        key = self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        items = self.mailboxes.items(mailbox_id, folder)
        return [b"".join(open_message(self.sealed.get(i.blob), mailbox_key=key, place=i.blob)) for i in items]

    def _organization(self) -> None:
        made = Organization(
            id=ORG,
            arn=arn(),
            alias="acme",
            state=OrganizationState.ACTIVE,
            directory_id="d-1",
            kms_key_arn=KMS,
            default_domain="acme.test",
            fingerprint="f",
            created=NOON,
        )
        domain = Domain(name="acme.test", organization=made.ref, is_test=True, state=DomainState.ACTIVE)
        self.directory.commit([Insert(made), Insert(domain)])
