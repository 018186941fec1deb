"""What no message may exceed, whatever its sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.errors import SubmissionRefusedError
from postroom.mime import excess
from postroom.mime.headers import Headers, MessageHead
from postroom.submission.submission import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.mime.excess import Excess

_REASONS: Final[Mapping[Excess, Refusal]] = {
    excess.TOO_LARGE: Refusal.TOO_LARGE,
    excess.TOO_MUCH_DATA: Refusal.TOO_LARGE,
    excess.TOO_MANY_ATTACHMENTS: Refusal.TOO_MANY_ATTACHMENTS,
    excess.LOOP: Refusal.LOOP,
    excess.TOO_MANY_FIELDS: Refusal.MALFORMED,
    excess.TOO_MANY_AUTHORS: Refusal.MALFORMED,
}


def check_limits(content: bytes, headers: Headers) -> None:
    """Require that a message is within the limits of ``mime.excess``, but for that of recipients.

    Raises:
        SubmissionRefusedError: it is not.
    """
    found = excess.excess(MessageHead(headers, content, len(content)), 0, lambda: content)
    if found is not None:
        raise SubmissionRefusedError(_REASONS[found], found[0])
