"""SES's SMTP listener: it hands on messages byte for byte."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.mail.listener import Listener, listening
from local.mail.ses_notification import take_verdicts
from local.mail.smtp_protocol import MAX_MESSAGE_BYTES, BytesSMTP, name_the_fault

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

    from local.mail.ses_receiving import SesReceiving

MAX_RECIPIENTS: Final = 500
"""Ours: WorkMail's limit of recipients a message; SES itself takes 100 a transaction from strangers."""

MAX_RECIPIENT_BYTES: Final = 128 * 1024
"""Of one transaction's recipients as the notification writes them; it must stay below SNS's 256 KiB. Ours."""


class _Handler:
    """aiosmtpd's hooks: accept recipients that come in here, answer 250 only when message and notification are safe."""

    def __init__(self, receiving: SesReceiving, executor: ThreadPoolExecutor) -> None:
        self._receiving = receiving
        self._executor = executor

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name and order
        self, _server: object, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        written_bytes = len(json.dumps([*envelope.rcpt_tos, address]))
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS or written_bytes > MAX_RECIPIENT_BYTES:
            return "452 4.5.3 Too many recipients"
        loop = asyncio.get_running_loop()
        try:
            is_local = await loop.run_in_executor(self._executor, self._receiving.is_local, address)
        except (BotoCoreError, ClientError):
            return "451 4.3.0 Try again later"
        if not is_local:
            return f"550 5.1.1 <{address}>: no verified domain with a receipt rule takes this address"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, self._store, envelope)
        except (BotoCoreError, ClientError):
            return "451 4.3.0 Try again later"

    async def handle_exception(self, error: Exception) -> str:
        return await name_the_fault(error)

    def _store(self, envelope: Envelope) -> str:
        content: Any = envelope.content
        try:
            stored, verdicts = take_verdicts(content)
        except ValueError as error:
            return f"554 5.6.0 X-Local-SES-Verdicts: {error}"
        sender = (envelope.mail_from or "").removeprefix("<>")  # aiosmtpd keeps the brackets of a null sender
        message_ids = self._receiving.receive(sender, envelope.rcpt_tos, stored, verdicts)
        return f"250 OK {' '.join(message_ids)}"


class SmtpServer:
    """The listener, with threads for what takes time."""

    def __init__(self, host: str, port: int, receiving: SesReceiving) -> None:
        """Bind; `start` begins to answer.

        Raises:
            UsageError: the port is in use or not ours to take.
        """
        self._executor = ThreadPoolExecutor(8, thread_name_prefix="smtp")
        handler = _Handler(receiving, self._executor)

        def protocol(loop: asyncio.AbstractEventLoop) -> BytesSMTP:
            return BytesSMTP(
                handler,
                data_size_limit=MAX_MESSAGE_BYTES,
                enable_SMTPUTF8=True,
                hostname="inbound-smtp.local",
                ident="Postroom local SES",
                loop=loop,
            )

        taken = listening(host, port, "SMTP (--smtp-port)")
        self._listener = Listener()
        self.port = self._listener.add(taken, protocol)

    def start(self) -> None:
        """Answer from now on: a connection made after this call is answered."""
        self._listener.start()

    def close(self) -> None:
        """Stop listening and end every session."""
        self._listener.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
