"""`postroom send`: send files to the stack over SMTP, as a foreign mail server would, without changing a byte."""

from __future__ import annotations

import re
import smtplib
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import Annotated, Final

import typer
from rich.progress import track

from cli import output, running
from cli.errors import RefusedError, UsageError
from postroom.model.verdicts import DmarcPolicy, Verdict

VERDICTS_HEADER: Final = "X-Local-SES-Verdicts"
"""Read and removed by the listener before the message is stored. Source: local-stack.md."""

CHECKS: Final = ("spam", "virus", "spf", "dkim", "dmarc")

_LINE_START: Final = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of one transaction.

    Attributes:
        refused: the server's answer for each refused recipient.
        said: the server's answer to the message, without its code; SES names its message id there.
        size: of the message, in bytes.
    """

    size: int
    accepted: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict)
    said: str = ""


def verdicts_header(verdicts: dict[str, Verdict], policy: DmarcPolicy | None) -> bytes:
    """Return the header line that sets verdicts, with CRLF; empty if there is nothing to set."""
    parts = [f"{check}={verdict}" for check, verdict in verdicts.items()]
    parts += [f"dmarcPolicy={policy}"] if policy else []
    return f"{VERDICTS_HEADER}: {'; '.join(parts)}\r\n".encode() if parts else b""


def dot_stuffed(content: bytes) -> bytes:
    """Return what is sent after DATA, with the end-of-data line.

    Every line that begins with a dot gets another one; nothing else changes: bare LF, bare CR, 8-bit and long lines
    stay. A message that does not end in CRLF gets one, because DATA cannot end otherwise (RFC 5321 4.1.1.4). A dot
    behind a bare LF counts as the beginning of a line, as for smtplib and for the listener.
    """
    end = b".\r\n" if content.endswith(b"\r\n") or not content else b"\r\n.\r\n"
    return _LINE_START.sub(b"..", content) + end


def transmit(smtp: smtplib.SMTP, sender: str, recipients: list[str], content: bytes, prefix: bytes = b"") -> Receipt:
    """Send one message in one transaction to the recipients that the server accepts.

    Args:
        sender: empty for a null sender.
        content: the message, any bytes.
        prefix: a header line that the server removes; not part of the message's size.

    Raises:
        smtplib.SMTPException: the server refused the sender or the message itself.
    """
    smtp.ehlo_or_helo_if_needed()
    options = [f"size={len(content)}"] if smtp.has_extn("size") else []
    if not content.isascii() and smtp.has_extn("8bitmime"):
        options.append("body=8bitmime")
    if not "".join([sender, *recipients]).isascii():
        smtp.command_encoding = "utf-8"
        options.append("SMTPUTF8")
    code, answer = smtp.mail(sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, answer, sender)
    refused: dict[str, str] = {}
    for recipient in recipients:
        code, answer = smtp.rcpt(recipient)
        if code not in (250, 251):
            refused[recipient] = f"{code} {answer.decode('utf-8', 'replace')}"
    accepted = tuple(recipient for recipient in recipients if recipient not in refused)
    if not accepted:
        smtp.rset()
        return Receipt(len(content), (), refused)
    code, answer = smtp.docmd("DATA")
    if code != 354:
        raise smtplib.SMTPDataError(code, answer)
    smtp.send(dot_stuffed(prefix + content))
    code, answer = smtp.getreply()
    if code != 250:
        raise smtplib.SMTPDataError(code, answer)
    return Receipt(len(content), accepted, refused, answer.decode("utf-8", "replace"))


def read_verdicts(given: list[str]) -> dict[str, Verdict]:
    """Read ``check=VERDICT`` pairs, checks in any case.

    Raises:
        UsageError: a check or verdict that SES does not know.
    """
    read: dict[str, Verdict] = {}
    for pair in given:
        check, _, verdict = pair.partition("=")
        if check.lower() not in CHECKS or verdict.upper() not in set(Verdict):
            known = f"{'|'.join(CHECKS)}={'|'.join(Verdict)}"
            raise UsageError(f"--verdict {pair}: give {known}")
        read[check.lower()] = Verdict(verdict.upper())
    return read


def send(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Files with one message each.", show_default=False)
    ],
    sender: Annotated[str, typer.Option("--from", metavar="A", help="Envelope sender; empty for a null sender.")],
    to: Annotated[list[str], typer.Option("--to", metavar="B[,B…]", help="Envelope recipients.")],
    verdict: Annotated[
        list[str] | None,
        typer.Option("--verdict", metavar="CHECK=VERDICT", help="Result of a check of SES, for example spam=FAIL."),
    ] = None,
    dmarc_policy: Annotated[
        DmarcPolicy | None,
        typer.Option("--dmarc-policy", case_sensitive=False, help="Policy of the sender's domain; implies dmarc=FAIL."),
    ] = None,
) -> None:
    """Send messages as SES would receive them, byte for byte.

    A file that does not end in CRLF gets one: SMTP requires it at the end of a message.
    """
    recipients = [address.strip() for group in to for address in group.split(",") if address.strip()]
    if not recipients:
        raise UsageError("--to: no recipient")
    verdicts = read_verdicts(verdict or [])
    if dmarc_policy:
        verdicts.setdefault("dmarc", Verdict.FAIL)
    prefix = verdicts_header(verdicts, dmarc_policy)
    for file in files:
        _check(file)
    stack = running.find()
    receipts: dict[Path, Receipt] = {}
    try:
        _send_all(stack.smtp, sender, recipients, files, prefix, receipts)
    finally:
        _show(receipts)
    refused = {recipient: answer for each in receipts.values() for recipient, answer in each.refused.items()}
    if refused:
        raise RefusedError("; ".join(f"{recipient}: {answer}" for recipient, answer in refused.items()))


def _show(receipts: dict[Path, Receipt]) -> None:
    """Print what was sent, also what was sent before a failure."""
    if not receipts:
        return
    rows = [(file, output.human_size(each.size), len(each.accepted), each.said) for file, each in receipts.items()]
    columns = ("file", "size", "recipients", "the server said")
    output.console().print(output.table(columns, rows, right=("size", "recipients")))


def _check(file: Path) -> None:
    """Check that a file can be read, before anything is sent."""
    try:
        with file.open("rb"):
            return
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error


def _send_all(
    address: tuple[str, int],
    sender: str,
    recipients: list[str],
    files: list[Path],
    prefix: bytes,
    receipts: dict[Path, Receipt],
) -> None:
    """Send every file over one connection, with progress on stderr if that is a terminal; fill ``receipts``."""
    errors = output.console(errors=True)
    file: Path | None = None
    try:
        with smtplib.SMTP(*address, timeout=60) as smtp:
            for file in track(files, "sending", console=errors, transient=True, disable=not errors.is_terminal):
                receipts[file] = transmit(smtp, sender, recipients, file.read_bytes(), prefix)
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode("utf-8", "replace")
        raise RefusedError(f"{file}: {error.smtp_code} {said}") from error
    except smtplib.SMTPException as error:
        raise RefusedError(f"{file}: SMTP: {error}" if file else f"SMTP: {error}") from error
    except OSError as error:
        raise RefusedError(f"SMTP at {address[0]}:{address[1]}: {error.strerror or error}; {running.START}") from error
