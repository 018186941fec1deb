"""The text of a bounce message, for people."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

ADVICE_TO_USERS: Final = {
    **ADVICE,
    "4.4.7": "The other mail system did not take it in time. Try again later, or reach the recipient another way.",
    "5.4.4": "Check the part of the address after the @ for typing mistakes.",
    "5.7.1": "The message may not be sent to this recipient. Sending it again will not help.",
}
"""The same for users of Postroom, whose mail others, or rules of their own organization, refuse."""

LAST: Final = "Nothing more will be tried for this message. Other recipients, if there were any, are not affected."


LINE_CHARACTERS: Final = 76
"""Longest line; the line of a recipient is as long as its reason. Ours."""


def explanation(
    domain: str,
    subject: str,
    arrived: int,
    failures: Sequence[Failure],
    advice: Mapping[str, str] = ADVICE,
) -> str:
    """Return the text of a bounce message.

    Each recipient has one line ``<address>: 550 status reason``, the form that mail servers use: programs that read
    bounce messages look for it (email-bounce-parser 1.0.22 finds the recipient by nothing else). The subject comes from
    outside; it follows the recipients, because such programs take the first line that looks like a recipient's.

    Args:
        subject: of the message that bounces; may be empty.
        arrived: milliseconds since the epoch.
        advice: what the sender can do, by status.
    """
    when = _when(arrived)
    to = "this recipient" if len(failures) == 1 else "these recipients"
    parts = [
        f"This is the mail system of {domain}.",
        _wrapped(f"Your message of {when} could not be delivered to {to}:"),
    ]
    for failure in failures:
        lines = [failure.line]
        if said := advice.get(failure.status):
            lines.append(_wrapped(said, "    "))
        parts.append("\n".join(lines))
    return _text([*parts, *_about(subject), _wrapped(LAST)])


def delay_notice(domain: str, subject: str, arrived: int, failures: Sequence[Failure], until: int) -> str:
    """Return the text of a message that says that recipients wait. Values as for ``explanation``.

    Args:
        until: when the last attempt is made, in milliseconds since the epoch; 0: not known.
    """
    to = "this recipient" if len(failures) == 1 else "these recipients"
    long = f" until {_when(until)}" if until else ""
    parts = [
        f"This is the mail system of {domain}.",
        _wrapped(f"Your message of {_when(arrived)} could not be delivered to {to} yet:"),
        *(failure.line for failure in failures),
        _wrapped(f"You need not send it again: it is tried{long}. If that fails, you get another message."),
    ]
    return _text([*parts, *_about(subject)])


def _when(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%d %B %Y, %H:%M} UTC"


def _about(subject: str) -> list[str]:
    line = one_line(subject)[:200]
    return [_wrapped(f'The subject of your message was "{line}".')] if line else []


def _text(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, LINE_CHARACTERS, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
