"""What people and programs read."""

import io
import json
import string
import sys
from typing import Any

import pytest
from rich.console import RenderableType
from rich.text import Text

from cli import output
from cli.commands.trace import SAID, timeline
from postroom.model.facts import EventName, Fact, OwnFact


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KB"), (40 * 2**20, "40.0 MB"), (3 * 2**40, "3072.0 GB")],
)
def test_sizes_are_shown_in_the_unit_that_fits(size: int, said: str) -> None:
    assert output.human_size(size) == said


def test_times_are_rfc_3339_in_utc() -> None:
    assert output.rfc3339(1_795_167_667_004) == "2026-11-20T09:41:07.004Z"


@pytest.mark.parametrize("rows", [[], [{"a": "é"}], [{"a": 1}, {"a": "\ud800"}]])
def test_rows_are_one_json_array(rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", written)
    output.print_json(rows)
    written.flush()
    assert json.loads(written.buffer.getvalue()) == rows


def test_cells_are_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.console().print(output.table(("subject",), [("[red]sale[/red] [/]",)]))
    assert "[red]sale[/red] [/]" in capsys.readouterr().out


def test_every_fact_has_words() -> None:
    assert {*OwnFact, *EventName} == SAID.keys()


def test_a_timeline_counts_from_the_first_fact() -> None:
    facts = [Fact("t", "o", OwnFact.PARKED, "a", 1000), Fact("t", "o", OwnFact.REDRIVEN, "b", 3500)]
    lines = timeline(facts).plain.splitlines()
    assert lines[0] == "t  o"
    assert "┬─ parked" in lines[1]
    assert lines[2].lstrip().startswith("+2.500 s └─ redriven")


def test_a_timeline_names_mailboxes_by_the_addresses_of_its_deliveries() -> None:
    def told(name: OwnFact, mailbox: str, **data: Any) -> Fact:
        return Fact("t", "o", name, f"{name}:{mailbox}", 1, {}, {"mailboxId": mailbox, **data})

    event = {"recipient": "blue@acme.test", "folder": "INBOX"}
    facts = [
        Fact("t", "o", EventName.MAILBOX_EMAIL_DELIVERED, "r-1", 0, event, {"mailboxId": "r-1"}),
        told(OwnFact.CALENDAR_UPDATED, "r-1", method="REQUEST", change="ADDED"),
        told(OwnFact.BOOKING_ANSWERED, "r-1", answer="DECLINED", delegates=1),
        told(OwnFact.BOOKING_ANSWERED, "r-2", answer="DECLINED", delegates=2),
    ]
    lines = [" ".join(line.partition("─ ")[2].split()) for line in timeline(facts).plain.splitlines()[2:]]
    assert lines == [
        "calendar REQUEST in the calendar of blue@acme.test: ADDED",
        "booking blue@acme.test: DECLINED, a copy for 1 delegate",
        "booking r-2: DECLINED, copies for 2 delegates",
    ]


def test_a_timeline_shows_that_a_messages_sender_is_in_doubt() -> None:
    event = {"from": "a@b.test", "recipients": ["ann@acme.test"], "subject": "hi"}
    event |= {f"{check}Verdict": "PASS" for check in ("spam", "spf", "dkim", "dmarc")}
    said: dict[str, dict[str, Any]] = {
        "no readable From: only rules for * match": {"senderIs": "UNKNOWN"},
        "readers may see different senders, a@b.test, c@d.test": {
            "senderIs": "AMBIGUOUS",
            "senders": ["a@b.test", "c@d.test"],
        },
    }
    for words, data in said.items():
        fact = Fact("t", "o", EventName.ORGANIZATION_EMAIL_RECEIVED, "k", 0, event, data)
        assert words in timeline([fact]).plain
    plain = Fact("t", "o", EventName.ORGANIZATION_EMAIL_RECEIVED, "k", 0, event)
    assert timeline([plain]).plain.endswith("dmarc PASS]")


def test_a_message_without_a_sender_says_so() -> None:
    event = {"from": "", "recipients": ["ann@acme.test"], "subject": ""}
    event |= {f"{check}Verdict": "PASS" for check in ("spam", "spf", "dkim", "dmarc")}
    fact = Fact("t", "o", EventName.ORGANIZATION_EMAIL_RECEIVED, "k", 0, event)
    assert "from (no sender) to ann@acme.test: (no subject)" in timeline([fact]).plain


def test_a_timeline_shows_rule_and_policy_before_their_results() -> None:
    people = [f"p{number}@acme.test" for number in range(5)]
    dropped = {"ruleName": "no news", "ruleActions": [{"action": "DROP", "recipients": people}]}
    forged = {"from": "a@b.test", "recipients": people[:1], "policy": "REJECT"}
    bounced = {"bouncedRecipient": {"emailAddress": people[0], "reason": "no", "status": "5.7.1"}}
    facts = [
        Fact("t", "o", EventName.INCOMING_EMAIL_BOUNCED, "1", 1000, bounced),
        Fact("t", "o", EventName.RULE_APPLIED, "2", 1000, dropped, {"rulesVersion": 7, "final": True}),
        Fact("t", "o", EventName.DMARC_POLICY_APPLIED, "3", 1000, forged, {"final": True}),
    ]
    lines = [line.partition("─ ")[2] for line in timeline(facts).plain.splitlines()[1:]]
    assert [" ".join(line.split()) for line in lines] == [
        "dmarc policy REJECT of a@b.test, dropped for p0@acme.test",
        "rule no news (rules version 7): DROP for p0@acme.test, p1@acme.test, p2@acme.test and 2 more",
        "bounced p0@acme.test: no (5.7.1)",
    ]


def test_a_timeline_says_how_a_message_to_the_outside_fails_and_how_its_sender_is_told() -> None:
    failed = {"bouncedRecipient": {"emailAddress": "c@d.test", "reason": "550 no", "status": "5.1.1"}}
    about: dict[str, Any] = {"recipients": ["c@d.test"]}
    facts = [
        Fact("t", "o", OwnFact.TRANSMIT_DEFERRED, "1", 0, {}, {**about, "reason": "4.4.1 no answer"}),
        Fact("t", "o", EventName.OUTGOING_EMAIL_BOUNCED, "2", 1, failed),
        Fact("t", "o", OwnFact.BOUNCE_SENT, "3", 2, {}, {**about, "means": "mailbox"}),
        Fact("t", "o", OwnFact.BOUNCE_SENT, "4", 3, {}, {**about, "means": "SendBounce"}),
    ]
    lines = [" ".join(line.partition("─ ")[2].split()) for line in timeline(facts).plain.splitlines()[1:]]
    assert lines == [
        "not sent yet c@d.test: 4.4.1 no answer",
        "bounced c@d.test: 550 no (5.1.1)",
        "bounce sent about c@d.test, into the sender's mailbox",
        "bounce sent about c@d.test, by SendBounce",
    ]


def test_a_timeline_says_who_makes_a_message_wait_until_when_and_who_takes_it() -> None:
    by: dict[str, Any] = {"gatewayId": "g-1", "server": "mx.partner.test"}
    waits = {"recipients": ["c@d.test"], "reason": "450 4.2.1 busy"}
    waiting = [{"address": "c@d.test", "status": "4.2.1", "diagnostic": "450 4.2.1 busy"}]
    first = Fact("t", "o", OwnFact.TRANSMIT_DEFERRED, "1", 0, {}, waits | by | {"attempt": 1, "due": 61_000})
    late = waits | by | {"attempt": 9, "due": 20_000_000, "told": True}
    refused = {"bouncedRecipient": {"emailAddress": "e@d.test", "reason": "550 5.1.1 no", "status": "5.1.1"}}
    until = {"order": "o", "waiting": waiting, "until": 172_800_000}
    facts = [
        first,
        Fact("t", "o", OwnFact.TRANSMIT_DELAYED, "2", 14_400_000, {}, until),
        Fact("t", "o", OwnFact.TRANSMIT_DEFERRED, "3", 14_400_000, {}, late),
        Fact("t", "o", OwnFact.DELAY_NOTICE_SENT, "4", 14_460_000, {}, {**waits, "means": "mailbox"}),
        Fact("t", "o", EventName.OUTGOING_EMAIL_BOUNCED, "5", 100_000_000, refused, by),
        Fact("t", "o", EventName.OUTGOING_EMAIL_SENT, "6", 100_000_000, {"recipient": "c@d.test"}, by),
        Fact(
            "t", "o", EventName.OUTGOING_EMAIL_SENT, "7", 100_000_000, {"recipient": "f@d.test"}, {"gatewayId": "g-1"}
        ),
        Fact("t", "o", EventName.OUTGOING_EMAIL_SENT, "8", 100_000_000, {"recipient": "ben@acme.test"}),
    ]
    lines = [" ".join(line.partition("─ ")[2].split()) for line in timeline(facts).plain.splitlines()[1:]]
    busy, tried = "not sent yet c@d.test: 450 4.2.1 busy (gateway mx.partner.test, ", output.short_time(172_800_000)
    assert lines == [
        f"{busy}attempt 1, next in 1 min 01 s)",
        f"{busy}attempt 9, next in 1 h 33 min, tried until {tried})",
        "delay notice about c@d.test, into the sender's mailbox",
        "bounced e@d.test: 550 5.1.1 no (gateway mx.partner.test)",
        "sent c@d.test by gateway mx.partner.test",
        "sent f@d.test by gateway g-1",
        "sent ben@acme.test inside the organization",
    ]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.000 s"),
        (59_999, "59.999 s"),
        (60_000, "1 min 00 s"),
        (3_599_999, "59 min 59 s"),
        (14_460_000, "4 h 01 min"),
        (183_600_000, "2 d 03 h"),
    ],
)
def test_a_duration_is_said_in_two_units(milliseconds: int, text: str) -> None:
    assert output.duration(milliseconds) == text


def test_a_message_from_inside_was_not_checked() -> None:
    event = {"from": "ann@acme.test", "recipients": ["ben@acme.test"], "subject": "hi"}
    event |= {f"{check}Verdict": "PROCESSING_FAILED" for check in ("spam", "spf", "dkim", "dmarc")}
    fact = Fact("t", "o", EventName.ORGANIZATION_EMAIL_RECEIVED, "k", 0, event, {"causedBy": "s"})
    assert timeline([fact]).plain.endswith("to ben@acme.test: hi [sent inside, not checked]")


def test_a_timeline_names_a_status_once() -> None:
    waiting = [
        {"address": "c@d.test", "status": "4.0.0", "diagnostic": "450 4.0.0 busy"},
        {"address": "e@d.test", "status": "4.4.1", "diagnostic": "421 busy"},
        {"address": "f@d.test", "status": "4.4.1", "diagnostic": ""},
        {"address": "g@d.test", "status": "", "diagnostic": "421 busy"},
    ]
    failed = {"bouncedRecipient": {"emailAddress": "c@d.test", "reason": "550 5.1.1 no", "status": "5.1.1"}}
    facts = [
        Fact("t", "o", OwnFact.DELIVERY_DELAYED, "1", 0, {}, {"waiting": waiting}),
        Fact("t", "o", EventName.OUTGOING_EMAIL_BOUNCED, "2", 1, failed),
    ]
    lines = [" ".join(line.partition("─ ")[2].split()) for line in timeline(facts).plain.splitlines()[1:]]
    assert lines == [
        "delayed c@d.test: 450 4.0.0 busy; e@d.test: 421 busy (4.4.1); f@d.test: (4.4.1); g@d.test: 421 busy",
        "bounced c@d.test: 550 5.1.1 no",
    ]


def test_a_timeline_names_the_versions_of_rule_and_function() -> None:
    """Both may change while a message waits: each attempt says what it met."""
    asked = {
        "ruleName": "tag",
        "rulesVersion": 7,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:tag-subjects:live",
        "synchronous": True,
        "milliseconds": 12,
    }
    failed = {"attempt": 1, "functionVersion": "41", "failure": "FUNCTION_ERROR", "error": "KeyError: 'subject'"}
    facts = [
        Fact("t", "o", OwnFact.RULE_ATTEMPTED, "1", 1000, {}, asked | failed),
        Fact("t", "o", OwnFact.RULE_ATTEMPTED, "2", 9000, {}, asked | {"attempt": 2, "functionVersion": "42"}),
    ]
    lines = [" ".join(line.partition("─ ")[2].split()) for line in timeline(facts).plain.splitlines()[1:]]
    assert lines == [
        "called tag-subjects:live version 41 by tag (rules version 7), attempt 1, 12 ms:"
        " FUNCTION_ERROR KeyError: 'subject'",
        "called tag-subjects:live version 42 by tag (rules version 7), attempt 2, 12 ms: an answer",
    ]


def test_a_timeline_shows_the_recipients_that_the_function_did_not_decide_about() -> None:
    """A fallback looks like an answer otherwise, and a name that had no effect like one that was never given."""
    did = [
        {"action": "DEFAULT", "recipients": ["ann@acme.test", "ben@acme.test"]},
        {"action": "DROP", "recipients": ["cleo@acme.test"]},
    ]
    rule = {"ruleName": "tag", "ruleActions": did}
    everybody = {"FALLBACK": ["ann@acme.test", "ben@acme.test", "cleo@acme.test"]}
    some = {"NAMED": ["ann@acme.test", "cleo@acme.test"], "FALLBACK": ["ben@acme.test"]}
    ignored = {"eve@else.test": "OTHER_ORGANIZATION", "\x1b[2J": "NO_ADDRESS"}
    facts = [
        Fact("t", "o", EventName.RULE_APPLIED, "1", 1000, rule, {"rulesVersion": 7, "why": everybody, "ignored": {}}),
        Fact("t", "o", EventName.RULE_APPLIED, "2", 2000, rule, {"rulesVersion": 7, "why": some, "ignored": ignored}),
    ]
    lines = [" ".join(line.partition("─ ")[2].split()) for line in timeline(facts).plain.splitlines()[1:]]
    actions = "rule tag (rules version 7): DEFAULT for ann@acme.test, ben@acme.test; DROP for cleo@acme.test"
    assert lines == [
        f"{actions} (the rule's fallback)",
        f"{actions} (the rule's fallback for ben@acme.test);"
        " ignored 'eve@else.test' (OTHER_ORGANIZATION), '\\x1b[2J' (NO_ADDRESS)",
    ]


def test_a_timeline_names_no_version_where_none_ran_and_no_call_by_its_key() -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:tag-subjects"
    held = {"ruleName": "tag", "rulesVersion": 7, "functionArn": function, "attempt": 5, "milliseconds": 3}
    put = {"size": 12, "runs": ["call:0539fe24-ae87-401d-b126-707bcff8301f"]}
    facts = [
        Fact("t", "o", OwnFact.CONTENT_PUT, "1", 1000, {}, put),
        Fact("t", "o", OwnFact.CONTENT_PUT, "2", 2000, {}, {"size": 12, "runs": ["call:a", "call:b"]}),
        Fact("t", "o", OwnFact.CONTENT_PUT, "3", 3000, {}, {"size": 12, "runs": []}),
        Fact("t", "o", OwnFact.RULE_ATTEMPTED, "4", 4000, {}, held | {"failure": "HELD_BACK", "error": "not yet"}),
    ]
    lines = [" ".join(line.partition("─ ")[2].split()) for line in timeline(facts).plain.splitlines()[1:]]
    assert lines == [
        "content put 12 bytes for the call that waits",
        "content put 12 bytes for 2 calls that wait",
        "content put 12 bytes for later Gets only",
        "called tag-subjects by tag (rules version 7), attempt 5, 3 ms: HELD_BACK not yet",
    ]


HOSTILE = "a\x1b]0;t\x07b\x9bc\u202egpj.exe\u2066d\u2069\u200f\u061c\x7fe\u2028f\ud800"
CONTROLS = set(HOSTILE) - set(string.printable)


@pytest.mark.parametrize("printed", [HOSTILE, Text(HOSTILE, style="red"), output.table((HOSTILE,), [(HOSTILE,)])])
def test_no_control_of_a_strangers_text_reaches_a_terminal(
    printed: RenderableType, capsys: pytest.CaptureFixture[str]
) -> None:
    output.console().print(printed, soft_wrap=True)
    shown = capsys.readouterr().out
    assert "gpj.exe" in shown
    assert not CONTROLS & set(shown)


def test_columns_are_aligned_whatever_text_they_have(capsys: pytest.CaptureFixture[str]) -> None:
    output.console().print(output.table(("a", "b"), [("x\x1b\u202ey", "1"), ("x y", "2")]))
    first, second = capsys.readouterr().out.splitlines()[1:]
    assert first.index("1") == second.index("2")


def test_json_has_the_text_as_it_is_and_controls_as_escapes() -> None:
    line = output.json_line({"subject": f"{HOSTILE} שלום 👩‍💻"})
    assert json.loads(line) == {"subject": f"{HOSTILE} שלום 👩‍💻"}
    assert not CONTROLS & set(line)
    assert "שלום" in line


def test_a_refusal_quotes_no_controls() -> None:
    assert output.refusal(f"nobody has {HOSTILE}\n  - so") == "postroom: nobody has a ]0;t b cgpj.exed e f?\n  - so"


def test_a_message_is_its_exact_bytes_in_a_pipe_and_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    content = f"Subject: {HOSTILE[:-1]}\r\n\r\n".encode() + b"\xff\xc3"
    pieces = [content[:40], content[40:]]
    for is_terminal in (False, True):
        written = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
        monkeypatch.setattr(written, "isatty", lambda answer=is_terminal: answer)
        monkeypatch.setattr(sys, "stdout", written)
        output.write_content(pieces)
        written.flush()
        if not is_terminal:
            assert written.buffer.getvalue() == content
        else:
            shown = written.buffer.getvalue().decode()
            assert shown == "Subject: a ]0;t b cgpj.exed e f\n\n\ufffd\ufffd"


def test_a_table_in_a_pipe_is_a_line_per_row_with_columns_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    output.print_table(("name", "size", "flags"), [("日\u202e本\n", 5, ""), ("ab", 12345, long)], right=("size",))
    assert capsys.readouterr().out.splitlines() == [
        "name   size  flags",
        "日本      5",
        f"ab    12345  {long}",
    ]


@pytest.mark.parametrize(
    ("columns", "name", "subject"),
    [
        (None, "日" * 5, f"{'x' * 79}…"),
        (60, "日" * 5, f"{'x' * 30}…"),
        (30, "日" * 5, f"{'x' * 19}…"),
    ],
)
def test_texts_of_messages_are_cut_so_that_ids_are_whole(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: int | None,
    name: str,
    subject: str,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: columns is not None)
    monkeypatch.setenv("COLUMNS", str(columns))
    identifier = "i" * 15
    row = (identifier, "日" * 5, "x" * 998)
    output.print_table(("id", "from", "subject"), [row], texts=("from", "subject"), with_ids=True)
    assert capsys.readouterr().out.splitlines()[1] == f"{identifier}  {name}  {subject}"


def test_a_wide_character_that_has_no_room_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("subject",), [("日" * 60,)], texts=("subject",))
    assert capsys.readouterr().out.splitlines()[1] == f"{'日' * 39}…"


def test_an_empty_table_in_a_pipe_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("id", "size"), [])
    assert capsys.readouterr().out == "id  size\n"
