"""The header fields of a submitted message that a report returns.

Ours: they are written from what the ledger knows. The message itself is sealed, its key went with its orders, and a
bounce that SES reports comes hours later; its sender has the message in Sent Items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.mime import writing
from postroom.model.text import one_line

if TYPE_CHECKING:
    from postroom.model.facts import Fact


def header_block(submitted: Fact) -> bytes:
    """Return Date, From, Sender, Subject and Message-ID of a message, by the fact that it was submitted.

    Date is the time of the submission. To, Cc and Bcc are left out: the ledger does not tell them apart.
    """
    event = submitted.event
    fields = {
        "Date": writing.date(submitted.at),
        "From": one_line(str(event["from"])),
        "Sender": one_line(str(event.get("sender", ""))),
        "Subject": writing.encoded(str(event["subject"])),
        "Message-ID": one_line(str(submitted.data["messageId"])),
    }
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value).encode()
