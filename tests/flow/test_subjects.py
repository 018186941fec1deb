"""Subjects wherever they are shown: 200 of them, as encoded words and as raw bytes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from cli import running
from cli.main import app
from postroom.ledger.lines import line_of
from postroom.model.facts import EventName
from postroom.model.rules import ActionType, LambdaCall
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.rules import rule

WHATWG: Final = Path(__file__).parents[1] / "unit" / "text" / "whatwg"
MESSAGES: Final[list[dict[str, Any]]] = json.loads((WHATWG / "expected.json").read_text("utf-8"))["messages"]
"""40 labels, 5 texts each, with their bytes; `generate.mjs` names the reader."""

HEAD: Final = b"From: Bob <bob@example.org>\r\nMIME-Version: 1.0\r\n"


def words(label: str, raw: bytes) -> bytes:
    """Return bytes as encoded words of three bytes, B and Q in turns, folded."""
    made = []
    for number, at in enumerate(range(0, len(raw), 3)):
        piece = raw[at : at + 3]
        if number % 2:
            made.append(f"=?{label}?B?{base64.b64encode(piece).decode()}?=")
        else:
            made.append(f"=?{label.upper()}?q?{''.join(f'={byte:02x}' for byte in piece)}?=")
    return "\r\n ".join(made).encode()


def content(how: str, number: int, label: str, raw: bytes) -> bytes:
    """Return a message with a subject written in that way."""
    kind = f"Content-Type: text/plain; charset={label}\r\n" if how == "raw" else ""
    subject = raw if how == "raw" else words(label, raw)
    return HEAD + f"Message-ID: <{number}@x>\r\n{kind}Subject: ".encode() + subject + b"\r\n\r\ntext\r\n"


@pytest.mark.parametrize("how", ["words", "raw"])
def test_subjects_read_as_the_standard_says_in_list_event_log_and_rule_event(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = MemoryMailSystem()
    post.user("ann")
    function = LambdaCall(post.function("f", lambda _: {"actions": []}), synchronous=False)
    post.rules(rule(ActionType.RUN_LAMBDA, call=function))
    logged = []
    for number, each in enumerate(MESSAGES):
        message = content(how, number, each["label"], bytes.fromhex(each["bytes"]))
        facts = post.arrive(f"m{number}", message, "ann@acme.test")
        logged += [line_of(fact).text for fact in facts if fact.name is EventName.ORGANIZATION_EMAIL_RECEIVED]
    expected = [each["text"] for each in MESSAGES]
    assert [json.loads(line)["event"]["subject"] for line in logged] == expected
    assert [json.loads(event)["subject"] for _, event in post.functions.calls] == expected
    assert [row["subject"] for row in listed(post, monkeypatch, "ann@acme.test")] == expected


def test_the_list_has_the_senders_address_and_says_whether_recipients_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    post = MemoryMailSystem()
    post.user("ann")
    froms = [b'"' + b"long name " * 500 + b'" <Bob@Example.org>', b"nobody", b'"Joe <joe@example.org>']
    for number, (author, count) in enumerate(zip(froms, (51, 50, 0), strict=True)):
        to = ", ".join(f"user{each}@acme.test" for each in range(count)).encode()
        post.arrive(f"m{number}", b"From: " + author + b"\r\nTo: " + to + b"\r\n\r\n", "ann@acme.test")
    rows = listed(post, monkeypatch, "ann@acme.test")
    assert [row["fromAddress"] for row in rows] == ["bob@example.org", "", "joe@example.org"]
    assert [(len(row["to"]), row["toIsCut"]) for row in rows] == [(50, True), (50, False), (0, False)]
    assert rows[0]["from"].startswith('"long name long name')


def test_every_id_that_the_list_prints_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    post = MemoryMailSystem()
    post.user("ann")
    ids = [
        b"<plain@example.net>",
        b"no.brackets@example.net",
        b"-begins-like-an-option@example.net",
        b"<" + b"long" * 400 + b"@example.net>",
        b"\r\n <folded@example.net>",
        b"<in\r\n side@example.net>",
        b"<'quotes' \"and\" $dollars `and` \\ @example.net>",
        "<größe@example.net>".encode(),
        "<gr\u202eöße@example.net>".encode("utf-8") + b" (comment)",
        b"=?utf-8?Q?<encoded=40example.net>?=",
    ]
    for number, each in enumerate(ids):
        post.arrive(f"m{number}", HEAD + b"Message-ID: " + each + b"\r\n\r\n", "ann@acme.test")
    rows = listed(post, monkeypatch, "ann@acme.test")
    for number, row in enumerate(rows):
        found = json.loads(command(post, monkeypatch, "trace", "--json", "--message-id", row["messageId"]))
        assert {fact["data"]["sesMessageId"] for fact in found if "sesMessageId" in fact["data"]} == {f"m{number}"}


@pytest.mark.parametrize("arguments", [("mailbox", "list", "ann@acme.test"), ("trace", "--message-id", "<1@x>")])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_no_text_of_a_message_is_printed_as_a_control_character(
    arguments: tuple[str, ...], more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    post = MemoryMailSystem()
    post.user("ann")
    hostile = "pay\x1b]0;t\x07\x9b31m\u202egpj.exe\u2066 \u200f\u2069"
    subject = b"=?utf-8?B?" + base64.b64encode(hostile.encode()) + b"?="
    post.arrive("m1", HEAD + b"Message-ID: <1@x>\r\nSubject: " + subject + b"\r\n\r\n", "ann@acme.test")
    shown = command(post, monkeypatch, *arguments, *more)
    assert "gpj.exe" in shown
    assert not {mark for mark in hostile if not mark.isprintable()} & set(shown)
    if more:
        assert "\u202egpj.exe\u2066 \u200f\u2069" in str(json.loads(shown)) or "\\u202e" in shown


def listed(post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch, user: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(command(post, monkeypatch, "mailbox", "list", user, "--json"))
    return rows


def command(post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Run a command of `postroom` on these memory ports."""
    monkeypatch.setattr(running, "find", lambda: SimpleNamespace(operator=lambda: post))
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output
