"""`postroom submit`: send a message as a user, as a mail client does."""

from __future__ import annotations

import base64
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, running
from cli.commands.mailbox import find_mailbox
from cli.errors import RefusedError, UsageError
from postroom.errors import StoreUnavailableError, SubmissionRefusedError

if TYPE_CHECKING:
    from cli.running import Stack
    from postroom.contracts.submission import SubmissionEvent


def submit(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A message (RFC 5322); - is standard input.")],
    user: Annotated[str, typer.Option("--as", metavar="USER", help="The sender: any address of the user, or the id.")],
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="A recipient, may be repeated; else those of To, Cc and Bcc."),
    ] = None,
    send_as: Annotated[
        str,
        typer.Option(
            "--send-as", metavar="ADDRESS", help="Another's address, which From has: sent by the permission Send As."
        ),
    ] = "",
    on_behalf_of: Annotated[
        str, typer.Option("--on-behalf-of", metavar="ADDRESS", help="The same by the permission Send on Behalf.")
    ] = "",
    token: Annotated[
        str, typer.Option(metavar="TEXT", help="Names the submission: the same token again sends nothing more.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Send a message as a user, with a copy in Sent Items."""
    content = _content(file)
    with running.refusals():
        from postroom.contracts.submission import MAX_INLINE_BYTES, STAGED, SubmissionEvent

        stack = running.find()
        operator = stack.operator()
        head = find_mailbox(operator, user)
        event = SubmissionEvent(
            organization_id=head.organization_id,
            user_id=head.mailbox_id,
            token=f"API:{token or uuid.uuid4()}",
            protocol="API",
            recipients=tuple(to or ()),
            send_as=send_as,
            on_behalf_of=on_behalf_of,
        )
        if len(content) <= MAX_INLINE_BYTES:
            event = event.model_copy(update={"content": base64.b64encode(content).decode("ascii")})
        else:
            event = event.model_copy(update={"staged": operator.raw.keep(f"{STAGED}{uuid.uuid4()}", content)})
        trace, message_id = _submitted(stack, event)
    if as_json:
        output.print_json([{"traceId": trace, "messageId": message_id}])
    else:
        output.print_table(("trace", "message-id"), [(trace, message_id)])


def _content(file: str) -> bytes:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    if not content:
        raise UsageError(f"{file} is empty")
    return content


def _submitted(stack: Stack, event: SubmissionEvent) -> tuple[str, str]:
    from postroom.contracts.submission import read_answer, write_event

    payload = stack.ask("submit", write_event(event))
    try:
        return read_answer(payload)
    except SubmissionRefusedError as error:
        raise RefusedError(f"{error.reason}: {error}") from error
    except StoreUnavailableError as error:
        raise RefusedError(f"try again: {error}") from error
