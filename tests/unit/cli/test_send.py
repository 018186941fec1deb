"""`postroom send` puts on the wire what lies in the file."""

import re
import smtplib
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.commands import send as send_command
from cli.commands.send import dot_stuffed, read_verdicts, verdicts_header
from cli.errors import RefusedError, UsageError
from postroom.model.verdicts import DmarcPolicy, Verdict

from .conftest import Run, Wire

AWKWARD: Final = {
    "crlf": b"Subject: a\r\n\r\nb\r\n",
    "bare-lf": b"Subject: a\n\nb\n.dot\nc\n",
    "bare-cr": b"Subject: a\r\n\r\nb\rc\r\n",
    "8-bit": b"Subject: \xe9\r\n\r\n\xff\xfe\x00\r\n",
    "long-line": b"Subject: a\r\n\r\n" + b"x" * 100_000 + b"\r\n",
    "dots": b"Subject: a\r\n\r\n.\r\n..\r\n.a\r\n.\r\n",
    "lone-dot-behind-lf": b"Subject: a\n\n.\n.\r\n.\r\n",
    "no-end": b"Subject: a\r\n\r\nb",
    "empty": b"",
}


def unstuffed(sent: bytes) -> bytes:
    """Read DATA as RFC 5321 4.5.2 says, a dot behind a bare LF included: what the listener stores."""
    assert sent.endswith((b"\r\n.\r\n",)) or sent == b".\r\n"
    return re.sub(rb"(?m)^\.", b"", sent[: -len(b".\r\n")])


def as_smtp_can_say_it(content: bytes) -> bytes:
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


@pytest.mark.parametrize("content", AWKWARD.values(), ids=AWKWARD)
def test_the_bytes_of_a_file_arrive_as_they_are(wire: Wire, run: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "message.eml"
    file.write_bytes(content)
    result = run("send", file, "--from", "a@example.net", "--to", "b@example.com")
    assert result.exit_code == 0, result.output
    assert [unstuffed(sent) for sent in wire.data] == [as_smtp_can_say_it(content)]


@given(st.binary(max_size=200) | st.text("\r\n.a", max_size=30).map(str.encode))
def test_no_message_ends_before_its_end(content: bytes) -> None:
    stuffed = dot_stuffed(content)
    assert unstuffed(stuffed) == as_smtp_can_say_it(content)
    assert re.search(rb"(\n|\A)\.\r\n", stuffed[:-3]) is None


@given(st.text("\r\n.a", max_size=30).map(str.encode))
def test_dots_are_stuffed_as_smtplib_does(content: bytes) -> None:
    quoted = smtplib._quote_periods(content)  # type: ignore[attr-defined]
    assert dot_stuffed(content).startswith(quoted)


def test_verdicts_are_put_before_the_message_only_if_given(wire: Wire, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "message.eml"
    file.write_bytes(b"Subject: a\r\n\r\nb\r\n")
    options = ("--verdict", "spam=fail", "--verdict", "virus=GRAY", "--dmarc-policy", "reject")
    assert run("send", file, "--from", "", "--to", "b@example.com", *options).exit_code == 0
    header = b"X-Local-SES-Verdicts: spam=FAIL; virus=GRAY; dmarc=FAIL; dmarcPolicy=REJECT\r\n"
    assert wire.data == [header + b"Subject: a\r\n\r\nb\r\n.\r\n"]
    assert b"mail FROM:<>" in b"\n".join(wire.commands)
    assert verdicts_header({}, None) == b""


def test_recipients_are_given_in_one_transaction(wire: Wire, run: Run, tmp_path: Path) -> None:
    for name in ("1.eml", "2.eml"):
        (tmp_path / name).write_bytes(b"\r\n")
    to = ("--to", "b@example.com,c@example.com", "--to", "d@example.com")
    assert run("send", tmp_path / "1.eml", tmp_path / "2.eml", "--from", "a@example.net", *to).exit_code == 0
    recipients = [each for each in wire.commands if each.upper().startswith(b"RCPT")]
    assert recipients == [b"rcpt TO:<%c@example.com>" % who for who in b"bcd"] * 2
    assert len(wire.data) == 2


def test_a_refused_recipient_is_named_and_the_others_get_it(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(b"\r\n")
    wire.refuse = {b"nobody@example.org"}
    result = run("send", tmp_path / "m.eml", "--from", "a@example.net", "--to", "b@example.com,nobody@example.org")
    assert isinstance(result.exception, RefusedError)
    assert str(result.exception) == "nobody@example.org: 550 5.1.1 no such domain here"
    assert len(wire.data) == 1


def test_nothing_is_sent_if_every_recipient_is_refused(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(b"\r\n")
    wire.refuse = {b"b@example.com"}
    result = run("send", tmp_path / "m.eml", "--from", "a@example.net", "--to", "b@example.com")
    assert isinstance(result.exception, RefusedError)
    assert wire.data == []


def test_a_message_that_the_server_does_not_take_is_named(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(b"\r\n")
    wire.answer_to_data = b"451 4.3.0 not now"
    result = run("send", tmp_path / "m.eml", "--from", "a@example.net", "--to", "b@example.com")
    assert isinstance(result.exception, RefusedError)
    assert str(result.exception).endswith("m.eml: 451 4.3.0 not now")


def test_messages_that_were_sent_before_a_failure_are_shown(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1.eml", "2.eml"):
        (tmp_path / name).write_bytes(b"\r\n")
    sent = send_command.transmit

    def closed_after_one(*arguments: Any) -> Any:
        if wire.data:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return sent(*arguments)

    monkeypatch.setattr(send_command, "transmit", closed_after_one)
    monkeypatch.chdir(tmp_path)
    result = run("send", "1.eml", "2.eml", "--from", "a@example.net", "--to", "b@example.com")
    assert str(result.exception) == "2.eml: SMTP: Connection unexpectedly closed"
    assert "1.eml" in result.output


def test_addresses_beyond_ascii_ask_for_smtputf8(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(b"\r\n")
    assert run("send", tmp_path / "m.eml", "--from", "a@example.net", "--to", "zoë@example.com").exit_code == 0
    assert any(each.endswith(b"SMTPUTF8") for each in wire.commands)
    assert "rcpt TO:<zoë@example.com>".encode() in wire.commands


def test_a_listener_that_is_not_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "m.eml").write_bytes(b"\r\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("POSTROOM_SMTP", "127.0.0.1:1")
    result = run("send", tmp_path / "m.eml", "--from", "a@example.net", "--to", "b@example.com")
    assert isinstance(result.exception, RefusedError)
    assert "127.0.0.1:1" in str(result.exception)


@pytest.mark.parametrize("given", ["spam", "spam=BAD", "colour=FAIL", "=FAIL"])
def test_a_verdict_that_ses_does_not_know_is_used_wrongly(given: str) -> None:
    with pytest.raises(UsageError, match=re.escape(given)):
        read_verdicts([given])


def test_verdicts_are_read_in_any_case() -> None:
    assert read_verdicts(["SPAM=gray"]) == {"spam": Verdict.GRAY}
    assert verdicts_header({"spam": Verdict.GRAY}, DmarcPolicy.NONE).endswith(b"spam=GRAY; dmarcPolicy=NONE\r\n")
