"""A report says what the envelope said, and has the message byte for byte; an independent reader reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.stored import RawLocation
from postroom.model.directory import EntityKind, EntityState
from postroom.model.records import Insert, Membership
from postroom.outbound.journal_report import journal_report
from tests.support.builders import NOON, ORG, TRACE
from tests.support.journal_reports import read_report
from tests.support.journals import JOURNAL, JOURNALING, Archive
from tests.support.outbound import MAIL

ANN = b"From: Ann <ann@acme.test>\r\nTo: ben@acme.test\r\nSubject: plums\r\nMessage-ID: <1@acme.test>\r\n\r\nbody\r\n"


def order(*recipients: str, submitted: bool = True, **changes: object) -> JournalOrder:
    made = JournalOrder(
        trace=TRACE,
        organization_id=ORG,
        address=JOURNAL,
        report_address=JOURNALING.report_address,
        author=JOURNALING.author,
        submitted=submitted,
        envelope_from="ann@acme.test",
        recipients=recipients,
        domains=("acme.test",),
        raw=RawLocation(bucket="b", key="k"),
        size=1,
        since=NOON,
    )
    return made.model_copy(update=changes)


@pytest.fixture
def archive() -> Archive:
    made = Archive()
    made.group("inner", "ben")
    made.group("team", "cleo")
    nested = Membership(organization_id=ORG, group_id="team", member_id="inner", member_kind=EntityKind.GROUP)
    back = Membership(organization_id=ORG, group_id="inner", member_id="team", member_kind=EntityKind.GROUP)
    made.directory.commit([Insert(nested), Insert(back)])
    return made


def test_a_message_to_a_group_with_a_nested_group_and_a_bcc(archive: Archive) -> None:
    content = MAIL.replace(b"To: list@example.org", b"To: team@acme.test\r\nCc: carl@example.org")
    archive.mail("team@acme.test", "carl@example.org", "dora@example.org", content=content)
    archive.go_out()
    [report] = archive.reports()
    assert report.recipients == [
        ("To", "cleo@acme.test", "team@acme.test"),
        ("To", "ben@acme.test", "team@acme.test"),
        ("Cc", "carl@example.org", ""),
        ("Bcc", "dora@example.org", ""),
    ]
    assert (report.sender, report.on_behalf_of) == ("ann@acme.test", "")
    assert (report.subject, report.message_id) == ("plums", "<1@acme.test>")
    assert report.original == content.replace(b"Bcc: dora@example.org\r\n", b"")


def test_recipients_outside_are_named_as_they_were_written(archive: Archive) -> None:
    content = MAIL.replace(
        b"To: list@example.org", b"To: Jo.Bloggs@Example.org, BEN@acme.test\r\nCc: jo.bloggs@example.org"
    )
    archive.mail(
        "Jo.Bloggs@example.org", "jo.bloggs@example.org", "JO.BLOGGS@example.org", "Ben@acme.test", content=content
    )
    archive.go_out()
    [report] = archive.reports()
    assert report.recipients == [
        ("To", "Jo.Bloggs@example.org", ""),
        ("To", "JO.BLOGGS@example.org", ""),
        ("To", "ben@acme.test", ""),
        ("Cc", "jo.bloggs@example.org", ""),
    ]


def test_a_message_whose_recipients_are_all_in_bcc(archive: Archive) -> None:
    content = ANN.replace(b"To: ben@acme.test", b"Bcc: dora@example.org, ben@acme.test")
    archive.mail(content=content)
    archive.go_out()
    [report] = archive.reports()
    assert report.recipients == [("Bcc", "dora@example.org", ""), ("Bcc", "ben@acme.test", "")]
    assert b"dora" not in report.original


def test_a_received_message_has_recipients_whatever_its_fields_say(archive: Archive) -> None:
    letter = b"From: bob@example.org\r\nTo: team@acme.test\r\nCc: ann@acme.test\r\n\r\nbody"
    archive.arrive("1", letter, "team@acme.test", "ann@acme.test")
    archive.go_out()
    [report] = archive.reports()
    assert report.recipients == [
        ("Recipient", "ann@acme.test", ""),
        ("Recipient", "cleo@acme.test", "team@acme.test"),
        ("Recipient", "ben@acme.test", "team@acme.test"),
    ]
    assert (report.sender, report.subject, report.message_id) == ("bob@example.org", "", "")
    assert report.original == letter


def test_the_fields_of_a_report_are_exchanges_and_workmails(archive: Archive) -> None:
    fields = read_report(journal_report(order("ben@acme.test"), ANN, archive.directory)).fields
    assert fields["x-ms-journal-report"] == ""
    assert fields["x-wm-journal-report"] == "journal"
    assert (fields["from"], fields["to"]) == ("amazonjournaling@acme.test", JOURNAL)
    assert (fields["subject"], fields["auto-submitted"]) == ("plums", "auto-generated")
    assert fields["message-id"].endswith("@acme.test>")


def test_what_is_the_reports_own_comes_before_the_field_that_makes_it_a_report(archive: Archive) -> None:
    """piler (jsuto/piler, src/parser.c) forgets recipients and Message-ID there, and reads on in the text."""
    head = journal_report(order("ben@acme.test"), ANN, archive.directory).partition(b"\r\n\r\n")[0].decode()
    fields = [line.partition(":")[0] for line in head.split("\r\n")]
    assert max(fields.index("To"), fields.index("Message-ID")) < fields.index("X-MS-Journal-Report")


def test_each_attempt_makes_the_same_report(archive: Archive) -> None:
    first, second = (journal_report(order("ben@acme.test"), ANN, archive.directory) for _ in range(2))
    assert first == second
    other = journal_report(order("ben@acme.test", trace="b" * 32), ANN, archive.directory)
    assert read_report(other).fields["message-id"] != read_report(first).fields["message-id"]


@pytest.mark.parametrize(
    ("fields", "sender", "behalf"),
    [
        (b"From: ben@acme.test\r\nSender: ann@acme.test\r\n", "ann@acme.test", "ben@acme.test"),
        (b"From: ann@acme.test\r\nSender: ann@acme.test\r\n", "ann@acme.test", ""),
        (b"From: ann@acme.test\r\n", "ann@acme.test", ""),
        (b"Subject: s\r\n", "ann@acme.test", ""),
    ],
)
def test_the_sender_is_the_user_that_sent(archive: Archive, fields: bytes, sender: str, behalf: str) -> None:
    report = read_report(journal_report(order("ben@acme.test"), fields + b"\r\nbody", archive.directory))
    assert (report.sender, report.on_behalf_of) == (sender, behalf)


def test_a_message_that_names_no_sender_has_the_null_sender(archive: Archive) -> None:
    made = order("ben@acme.test", submitted=False, envelope_from="")
    assert read_report(journal_report(made, b"Subject: s\r\n\r\nbody", archive.directory)).sender == "<>"


class TestGroups:
    def lines(self, archive: Archive, *recipients: str) -> list[tuple[str, str]]:
        made = read_report(journal_report(order(*recipients, submitted=False), ANN, archive.directory))
        return [(address, group) for _, address, group in made.recipients]

    def test_an_address_that_the_envelope_names_is_not_expanded_from_a_group_too(self, archive: Archive) -> None:
        assert self.lines(archive, "team@acme.test", "cleo@acme.test") == [
            ("cleo@acme.test", ""),
            ("ben@acme.test", "team@acme.test"),
        ]

    def test_a_group_with_a_tag_is_expanded(self, archive: Archive) -> None:
        assert self.lines(archive, "inner+plums@acme.test")[0] == ("ben@acme.test", "inner+plums@acme.test")

    def test_a_group_without_members_that_get_mail_stays(self, archive: Archive) -> None:
        archive.group("empty")
        assert self.lines(archive, "empty@acme.test") == [("empty@acme.test", "")]

    def test_a_disabled_group_and_a_disabled_member_are_not_expanded(self, archive: Archive) -> None:
        archive.entity("ben", state=EntityState.DISABLED)
        assert self.lines(archive, "inner@acme.test") == [("cleo@acme.test", "inner@acme.test")]
        archive.entity("team", state=EntityState.DISABLED)
        assert self.lines(archive, "team@acme.test") == [("team@acme.test", "")]

    def test_domains_of_others_are_not_asked_for(self, archive: Archive) -> None:
        assert self.lines(archive, "team@example.org") == [("team@example.org", "")]


@pytest.mark.parametrize(
    "original",
    [
        b"From: ann@acme.test\r\n\r\nno line end",
        b"From: ann@acme.test\r\n\r\n\r\n\r\n",
        b"From: ann@acme.test\n\nbare line feeds\n",
        b"From: ann@acme.test\r\nSubject: =?utf-8?q?pl=C3=BCms?=\r\n\r\n\xff\x00\xfe",
        "From: ann@acme.test\r\nSubject: plüms\r\n\r\nbody\r\n".encode(),
        b"",
    ],
)
def test_the_original_is_byte_for_byte(archive: Archive, original: bytes) -> None:
    assert read_report(journal_report(order("ben@acme.test"), original, archive.directory)).original == original


def test_a_report_of_a_report_is_told_apart(archive: Archive) -> None:
    inner = journal_report(order("ben@acme.test"), ANN, archive.directory)
    outer = journal_report(order("ben@acme.test"), inner, archive.directory)
    assert read_report(outer).original == inner


def test_text_from_outside_cannot_add_lines(archive: Archive) -> None:
    subject = b"Subject: =?utf-8?q?x=0D=0ABcc:_eve=40example.org?=\r\n"
    bad = b"From: ann@acme.test\r\n" + subject + b"Message-ID: <1@acme.test>\r\n\tRecipient: eve@x.test\r\n\r\nbody"
    report = read_report(journal_report(order("ben@acme.test"), bad, archive.directory))
    assert [address for _, address, _ in report.recipients] == ["ben@acme.test"]


@given(st.binary(max_size=300), st.text(max_size=400))
def test_any_message_is_reported_in_lines_that_may_travel(body: bytes, subject: str) -> None:
    archive = Archive()
    head = f"From: ann@acme.test\r\nSubject: {subject}\r\n".encode("utf-8", "replace")
    content = journal_report(order("ben@acme.test"), head + body, archive.directory)
    report = read_report(content)
    assert report.original == head + body
    ours = content.removesuffix(content[content.index(head) :])
    assert max(map(len, ours.split(b"\r\n"))) <= 998


def test_a_received_message_is_reported_byte_for_byte_with_whatever_fields_it_has(archive: Archive) -> None:
    letter = b"From: bob@example.org\r\nTo: x@example.org\r\nBcc: ann@acme.test\r\nno field\r\n\r\nbody\r\n"
    archive.arrive("1", letter, "ann@acme.test")
    archive.go_out()
    [report] = archive.reports()
    assert report.original == letter
