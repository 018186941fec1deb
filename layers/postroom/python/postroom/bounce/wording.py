"""The text of a bounce message, for people."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.bounces import Failure

ADVICE: Final = {
    "5.1.1": "Check the address for typing mistakes, or ask for the right one another way.",
    "5.2.1": "The address exists, but takes no mail any more.",
    "5.2.2": "Try again later, or reach the recipient another way.",
    "5.2.4": "Write to its members one by one, or tell whoever looks after the group.",
    "5.3.4": "Make the message smaller: share large files by a link, or send them in several messages.",
    "5.4.4": "Only the administrator of the recipient's mail can mend that.",
    "5.4.6": "The message was passed round in a circle: some forwarding leads back to where it came from.",
    "5.5.3": "Send the message to fewer recipients at a time, or to a group.",
    "5.6.0": "Put the files into one archive, or send them in several messages.",
    "5.7.1": "The recipient's organization does not accept this message. Sending it again will not help.",
}
"""What the sender can do, by enhanced status code (RFC 3463)."""

LAST: Final = "Nothing more will be tried for this message. Other recipients, if there were any, are not affected."


LINE_CHARACTERS: Final = 76
"""Longest line; the line of a recipient is as long as its reason. Ours."""


def explanation(domain: str, subject: str, arrived: int, failures: Sequence[Failure]) -> str:
    """Return the text of a bounce message.

    Each recipient has one line ``<address>: 550 status reason``, the form that mail servers use: programs that read
    bounce messages look for it (email-bounce-parser 1.0.22 finds the recipient by nothing else). The subject comes from
    outside; it follows the recipients, because such programs take the first line that looks like a recipient's.

    Args:
        subject: of the message that bounces; may be empty.
        arrived: milliseconds since the epoch.
    """
    when = f"{datetime.fromtimestamp(arrived / 1000, UTC):%d %B %Y, %H:%M} UTC"
    to = "this recipient" if len(failures) == 1 else "these recipients"
    parts = [
        f"This is the mail system of {domain}.",
        _wrapped(f"Your message of {when} could not be delivered to {to}:"),
    ]
    for failure in failures:
        lines = [f"<{failure.address}>: 550 {failure.status} {failure.reason}".rstrip()]
        if advice := ADVICE.get(failure.status):
            lines.append(_wrapped(advice, "    "))
        parts.append("\n".join(lines))
    if line := one_line(subject)[:200]:
        parts.append(_wrapped(f'The subject of your message was "{line}".'))
    parts.append(_wrapped(LAST))
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, LINE_CHARACTERS, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
