"""Answers for recipients, out of replies of an SMTP gateway and of what happens to its connection."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.smtp_wire import WireError
from postroom.model.bounces import MAX_DIAGNOSTIC_CHARACTERS
from postroom.model.relay_answers import RelayAnswer, RelayResult, RelayStage
from postroom.model.text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.contracts.smtp import Reply

TEMPORARY: Final = RelayResult.TEMPORARY

OF_SETTINGS: Final = frozenset({530, 534, 535, 538})
"""Replies to MAIL that are about TLS or the login: temporary. Source: RFC 3207, 4; RFC 4954, 4 and 6."""

SERVICE_ENDS: Final = 421
"""A reply to any command: the server closes the connection. Source: RFC 5321, 3.8."""

HIDDEN: Final = "(the reply repeats the password and is not shown)"


class RelayError(Exception):
    """An attempt has ended; the answer is that of all recipients that have none yet."""

    def __init__(self, answer: RelayAnswer) -> None:
        """Keep the answer."""
        super().__init__(answer.text)
        self.answer = answer


def failure(stage: RelayStage, text: str, status: str, result: RelayResult = TEMPORARY, *, code: int = 0) -> RelayError:
    """Return the error for an answer in words of ours; ``code``: of the gateway's reply, if it is about one."""
    return RelayError(RelayAnswer(result=result, stage=stage, text=text, status=status, code=code))


@contextmanager
def at(stage: RelayStage) -> Iterator[None]:
    """Name the step in which a connection ends."""
    try:
        yield
    except WireError as error:
        raise failure(stage, str(error), error.status) from error


def answer_of(reply: Reply, stage: RelayStage, secrets: Sequence[str]) -> RelayAnswer:
    """Return what a reply means for a recipient.

    A reply that fits no step (3yz) is temporary: it says nothing of the message.

    Args:
        secrets: texts that an answer must not repeat.
    """
    result = RelayResult.ACCEPTED if reply.is_positive else TEMPORARY
    if reply.code >= 500 and not stage.is_of_gateway and reply.code not in OF_SETTINGS:
        result = RelayResult.PERMANENT
    return RelayAnswer(
        result=result,
        stage=stage,
        code=reply.code,
        status=_status(reply, result),
        text=_text(reply, secrets),
    )


def _status(reply: Reply, result: RelayResult) -> str:
    """Return the reply's status in the class of the result: a refused login is 5.7.8 for SMTP, and 4.7.8 for mail."""
    known = reply.status or "x.0.0"
    kind = {RelayResult.ACCEPTED: "2", TEMPORARY: "4", RelayResult.PERMANENT: "5"}[result]
    return f"{kind}{known[1:]}"


def _text(reply: Reply, secrets: Sequence[str]) -> str:
    if any(secret in line for secret in secrets for line in (reply.text, *reply.lines)):
        return HIDDEN
    return one_line(visible(reply.text))[:MAX_DIAGNOSTIC_CHARACTERS]
