"""A session with an SMTP gateway after the login: it hands messages over, one after the other."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.smtp_answers import SERVICE_ENDS, RelayError, answer_of, failure
from postroom.adapters.aws.smtp_wire import WireError
from postroom.contracts import smtp
from postroom.model.relay_answers import RelayAnswer, RelayResult, RelayStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.adapters.aws.smtp_wire import Wire
    from postroom.contracts.smtp import Reply

ACCEPTED, TEMPORARY, PERMANENT = RelayResult
MAIL, RCPT, DATA = RelayStage.MAIL, RelayStage.RCPT, RelayStage.DATA

START_CONTENT: Final = 354
"""Source: RFC 5321, 4.1.1.4."""

TOO_MANY: Final = 552
TOO_MANY_STATUSES: Final = ("", "5.5.3")
"""A reply to RCPT that means 452 if other recipients were accepted. Source: RFC 5321, 4.5.3.1.10; RFC 3463, 3.6. With
another status it is about this recipient's mailbox."""

EARLY_REPLY_S: Final = 1
"""How long a reply is looked for, in seconds, after the gateway has ended the connection in the content. Ours."""

NO_ADDRESS: Final = "The address cannot be written in SMTP."
NO_UTF8: Final = "The gateway does not take addresses with characters that are not ASCII."
NO_CONTENT: Final = "The gateway answered DATA without taking content."
NO_8BIT: Final = "The gateway does not take content that is not ASCII."


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Times in seconds. Ours; RFC 5321, 4.5.3.2, has minutes, which functions cost.

    Attributes:
        connect_s: for the resolver, and for one address.
        command_s: longest wait for a reply, and for TLS.
        piece_s: longest wait until the gateway takes 64 KB of content.
        answer_s: what the answer to the content has at least: content is sent so much earlier than the end.
        total_s: for everything.
    """

    connect_s: float = 10
    command_s: float = 30
    piece_s: float = 60
    answer_s: float = 60
    total_s: float = 230


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with its envelope; recipients are distinct."""

    sender: str
    recipients: Sequence[str]
    content: bytes


class Session:
    """A session; ``is_usable`` says whether it may take another message, ``messages`` how many it has taken.

    ``lost`` is the answer of the connection, without regard to a message, once it has ended in a message.
    """

    def __init__(
        self, wire: Wire, offers: Mapping[str, Sequence[str]], deadlines: Deadlines, secrets: Sequence[str]
    ) -> None:
        """Keep what is needed.

        Args:
            offers: the extensions of the last reply to EHLO.
            secrets: texts that answers must not repeat.
        """
        self._wire, self._offers, self._deadlines, self._secrets = wire, offers, deadlines, secrets
        self.messages, self.is_usable = 0, True
        self.lost: RelayAnswer | None = None

    def close(self) -> None:
        """End the session."""
        self._wire.close()

    def is_alive(self, end: float) -> bool:
        """Say whether the gateway takes another message: it may have closed a connection that waited."""
        with self._wire.held_until(end), suppress(WireError):
            return self._wire.ask("RSET", self._deadlines.command_s).is_positive
        return False

    def hand_over(self, envelope: Envelope, end: float) -> dict[str, RelayAnswer]:
        """Hand a message over in one transaction; return an answer for each recipient.

        Args:
            end: of the monotonic clock.
        """
        self.messages += 1
        with self._wire.held_until(end):
            return self._handed_over(envelope)

    def _handed_over(self, envelope: Envelope) -> dict[str, RelayAnswer]:
        refused: dict[str, RelayAnswer] = {}
        try:
            self._mail(envelope)
            for number, recipient in enumerate(envelope.recipients):
                answer = self._rcpt(recipient, any_accepted=len(refused) < number)
                if answer is not None:
                    refused[recipient] = answer
            if len(refused) == len(envelope.recipients):
                return refused
            of_others = self._data(envelope.content)
        except RelayError as error:
            of_others = error.answer
        return {each: refused.get(each, of_others) for each in envelope.recipients}

    def _mail(self, envelope: Envelope) -> None:
        """Begin the transaction.

        Raises:
            RelayError: it was refused, or the gateway cannot take the message.
        """
        path = self._path(envelope.sender, MAIL)
        parameters = self._parameters(envelope, path)
        reply = self._ask(" ".join([f"MAIL FROM:<{path}>", *parameters]), MAIL)
        if not reply.is_positive:
            raise RelayError(self._answer(reply, MAIL))

    def _parameters(self, envelope: Envelope, path: str) -> list[str]:
        """Return the parameters of MAIL.

        A header with characters that are not ASCII is sent also where SMTPUTF8 is not offered, as clients send it.
        """
        parameters, content = [], envelope.content
        if "SIZE" in self._offers:
            size = smtp.size_bytes(content)
            most = next((int(text) for text in self._offers["SIZE"] if text.isascii() and text.isdigit()), 0)
            if 0 < most < size:
                raise failure(MAIL, f"The gateway takes messages of at most {most:,} bytes.", "5.3.4", PERMANENT)
            parameters.append(f"SIZE={size}")
        if not content.isascii():
            if "8BITMIME" not in self._offers:
                raise failure(MAIL, NO_8BIT, "5.6.3", PERMANENT)
            parameters.append("BODY=8BITMIME")
        if "SMTPUTF8" in self._offers and not (
            path.isascii() and all(map(str.isascii, envelope.recipients)) and smtp.is_header_ascii(content)
        ):
            parameters.append("SMTPUTF8")
        return parameters

    def _rcpt(self, recipient: str, *, any_accepted: bool) -> RelayAnswer | None:
        """Name a recipient; return the answer if it is refused.

        Raises:
            RelayError: the session is over.
        """
        try:
            reply = self._ask(f"RCPT TO:<{self._path(recipient, RCPT)}>", RCPT)
        except RelayError as error:
            if not self.is_usable:
                raise
            return error.answer
        answer = self._answer(reply, RCPT)
        if reply.code == SERVICE_ENDS:
            raise RelayError(answer)
        if any_accepted and reply.code == TOO_MANY and reply.status in TOO_MANY_STATUSES:
            return replace(answer, result=TEMPORARY, status="4.5.3")
        return None if answer.result is ACCEPTED else answer

    def _data(self, content: bytes) -> RelayAnswer:
        """Send the content; return the answer to it.

        Raises:
            RelayError: the gateway did not take it, or the connection ended before the answer.
        """
        reply = self._ask("DATA", DATA)
        if reply.code != START_CONTENT:
            self.is_usable = self.is_usable and not reply.is_positive
            raise failure(DATA, NO_CONTENT, "4.5.0") if reply.is_positive else RelayError(self._answer(reply, DATA))
        try:
            for piece in smtp.stuffed(content):
                self._wire.send(piece, self._deadlines.piece_s, reserve_s=self._deadlines.answer_s)
            self._wire.expect_silence()  # a reply that came before the end of the content is none to it
        except WireError as error:
            raise self._early(error) from error
        try:
            self._wire.send(smtp.END_OF_CONTENT, self._deadlines.piece_s)
            reply = self._wire.reply(self._deadlines.total_s)
        except WireError as error:
            lost = self._lost(DATA, error).answer
            text = f"{error} The message may have arrived."
            raise RelayError(replace(lost, text=text, may_have_arrived=True)) from error
        self._note(reply)
        return self._answer(reply, DATA)

    def _early(self, error: WireError) -> RelayError:
        """Return the answer to a part of the content: a gateway may refuse it and end the connection before its end."""
        lost = self._lost(DATA, error)
        with suppress(WireError):
            reply = self._wire.reply(EARLY_REPLY_S)
            if reply.code >= 400:
                return RelayError(self._answer(reply, DATA))
        return lost

    def _lost(self, stage: RelayStage, error: WireError) -> RelayError:
        """End the session; return the failure of the message in which it ended."""
        self.is_usable = False
        lost = failure(stage, str(error), error.status)
        self.lost = lost.answer
        return lost

    def _path(self, address: str, stage: RelayStage) -> str:
        path = smtp.path(address)
        if path is None:
            raise failure(stage, NO_ADDRESS, "5.1.3" if stage is RCPT else "5.1.7", PERMANENT)
        if not path.isascii() and "SMTPUTF8" not in self._offers:
            raise failure(stage, NO_UTF8, "5.6.7", PERMANENT)
        return path

    def _ask(self, command: str, stage: RelayStage) -> Reply:
        try:
            reply = self._wire.ask(command, self._deadlines.command_s)
        except WireError as error:
            raise self._lost(stage, error) from error
        self._note(reply)
        return reply

    def _note(self, reply: Reply) -> None:
        if reply.code == SERVICE_ENDS:
            self.is_usable = False

    def _answer(self, reply: Reply, stage: RelayStage) -> RelayAnswer:
        return answer_of(reply, stage, self._secrets)
