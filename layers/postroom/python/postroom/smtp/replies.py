"""The answers to mail clients that submit: a code, an enhanced status, and text that quotes nothing of the client's.

Sources: RFC 5321, 4.2; RFC 3463; for AUTH, RFC 4954, 4 and 6. Which refusal has which code is ours (docs/parity.md). A
client keeps what has a code of 4yz and sends it again later; it gives up what has one of 5yz.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.model.limits import MAX_RECIPIENTS
from postroom.submission.submission import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.errors import SubmissionRefusedError

CODES: Final[Mapping[str, str]] = {
    Refusal.NOT_ENABLED: "550 5.7.0",
    Refusal.NOT_ALLOWED: "550 5.7.1",
    Refusal.NO_RECIPIENTS: "554 5.5.1",
    Refusal.INVALID_RECIPIENT: "553 5.1.3",
    Refusal.TOO_MANY_RECIPIENTS: "554 5.5.3",
    Refusal.TOO_MANY_ATTACHMENTS: "554 5.6.0",
    Refusal.TOO_LARGE: "552 5.3.4",
    Refusal.MALFORMED: "554 5.6.0",
    Refusal.LOOP: "554 5.4.6",
    Refusal.QUOTA_EXCEEDED: "452 4.7.1",
    Refusal.MAILBOX_FULL: "452 4.2.2",
}
"""Code and status by refusal of a submission. A quota is free again the next day, and a mailbox can be emptied."""

OTHER: Final = "554 5.7.0"
"""Of refusals without a row: those that only a newer version knows."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        text: one line of ASCII.
        log: what the program's log says of it: ids and reasons, no address, name, or text of a message.
        closes: whether the session ends with it.
    """

    text: str
    log: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False

    @property
    def is_positive(self) -> bool:
        """Whether the client may go on."""
        return self.text[0] in "23"


OK: Final = Reply("250 2.0.0 OK")
LOGGED_IN: Final = "235 2.7.0 Authentication successful"
WRONG: Final = "535 5.7.8 Authentication credentials invalid"
"""Whatever is wrong with name, password or token: an answer tells no user from another name."""
DENIED: Final = "550 5.7.1 Access denied: {}"
LOGIN_LATER: Final = "454 4.7.0 Temporary authentication failure"
LATER: Final = "451 4.3.0 Try again later"
LOGIN_TOO_OLD: Final = "421 4.7.0 Log in again"
TOO_MANY_LOGINS: Final = "421 4.7.0 Too many attempts to log in"
TOO_MANY_RECIPIENTS: Final = Reply(f"452 4.5.3 More than {MAX_RECIPIENTS} recipients")
"""RFC 5321, 4.5.3.1.10: the client sends the message again to the others."""
ACCEPTED: Final = "250 2.0.0 Accepted as {}"
"""With the trace id of the message's flow."""


def refusal(error: SubmissionRefusedError) -> Reply:
    """Return the answer to a submission that is refused."""
    reason = str(error.reason)
    said = " ".join(str(error).encode("ascii", "replace").decode("ascii").split())
    return Reply(f"{CODES.get(reason, OTHER)} {said[:400]}", {"refused": reason})
