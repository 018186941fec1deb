"""SES's SMTP listener: it hands on messages byte for byte."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session
from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import UsageError
from local.mail.ses_notification import take_verdicts

if TYPE_CHECKING:
    from local.mail.ses_receiving import SesReceiving

MAX_MESSAGE_BYTES: Final = 40 * 2**20
"""Largest message, in bytes. Source: AWS SES, quotas of email receiving, 40 MB."""

MAX_RECIPIENTS: Final = 500
"""Ours: WorkMail's limit of recipients a message; SES itself takes 100 a transaction from strangers."""

MAX_RECIPIENT_BYTES: Final = 128 * 1024
"""Of one transaction's recipients as the notification writes them; it must stay below SNS's 256 KiB. Ours."""

_END: Final = b"\r\n.\r\n"
_EVERYTHING: Final = 2**40
"""For StreamReader.read: all that has come. Bytes left behind would come before those that are given back."""
_STUFFED: Final = re.compile(rb"(?m)^\.")

_JOINERS: Final = {0x200C: None, 0x200D: None}
"""Characters that are not printable but allowed in domain names. Source: RFC 5892, A.1 and A.2."""

_PATH: Final = re.compile(
    r"""
    [ \t]* (?: < (?: @[^\s:<>"]* : )? (?P<path> (?: "(?:[^"\\]|\\.)*" | [^\s<>"\\] )* ) >
             | (?P<bare> [^\s<>]+ ) )
    (?P<parameters> [ \t].* )? """,
    re.VERBOSE,
)
"""A path of MAIL or RCPT, then parameters. Source: RFC 5321 4.1.2, RFC 6531 3.3. Brackets may be missing (ours)."""


class _BytesSMTP(SMTP):  # type: ignore[misc]  # aiosmtpd has no types
    """aiosmtpd's protocol with a DATA command that keeps every byte: its own splits lines and limits them."""

    line_length_limit = 2**16  # of commands; DATA does not come here

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        """Read up to CRLF.CRLF; undo dot-stuffing after every LF, as smtplib does it (RFC 5321, 4.5.2: after CRLF)."""
        if await self.check_helo_needed():
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = await self._read_content()
        try:
            if content is None:
                answer = "552 5.3.4 Error: message larger than 40 MB"
            else:
                self.envelope.content = self.envelope.original_content = content
                answer = await self._call_handler_hook("DATA")
        finally:  # whatever the answer, this transaction is over (RFC 5321 4.1.1.4)
            self._set_post_data_state()
        await self.push(answer)

    async def _read_content(self) -> bytes | None:
        """Return the message, or None if it is too large (it is read to its end all the same)."""
        data = bytearray(b"\r\n")  # so that an immediate "." ends it as well
        dropped = False
        searched = 0
        while (found := data.find(_END, searched)) < 0:
            searched = max(len(data) - len(_END) + 1, 0)
            if len(data) > MAX_MESSAGE_BYTES + len(_END) + MAX_MESSAGE_BYTES // 64:  # room for stuffed dots
                dropped, data, searched = True, data[-len(_END) :], 0
            chunk = await self._reader.read(_EVERYTHING)
            if not chunk:
                raise ConnectionResetError("the client left within DATA")
            data += chunk
        rest = bytes(data[found + len(_END) :])
        if rest:  # pipelined commands: they go back, before anything else is read
            self._reader.feed_data(rest)
        content = bytes(data[2 : found + 2])
        del data
        if b"\n." in content or content.startswith(b"."):
            content = _STUFFED.sub(b"", content)
        return None if dropped or len(content) > MAX_MESSAGE_BYTES else content

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Read a path and what follows it; (None, None): it is not a path, and the client gets 553.

        aiosmtpd's own asks Python's parser of header fields, which takes comments, raises IndexError for some paths
        and RecursionError for nested ones. ``<>`` stays as it is: aiosmtpd knows by it that MAIL was given.
        """
        found = _PATH.fullmatch(arg)
        if found is None or not arg.translate(_JOINERS).isprintable():  # nor are bytes that are not UTF-8
            return None, None
        address = found["bare"] if found["path"] is None else found["path"]
        return address or "<>", (found["parameters"] or "").strip()


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
        """Name the fault, without its text, which may hold mail; the client keeps the message."""
        print(f"postroom: SMTP: {type(error).__name__}", file=sys.stderr)
        return "451 4.3.0 Requested action aborted: error in processing"

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
    """The listener, on an event loop and thread of its own."""

    def __init__(self, host: str, port: int, receiving: SesReceiving) -> None:
        """Bind; `start` begins to answer.

        Raises:
            UsageError: the port is in use or not ours to take.
        """
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's own, content of mail included
        self._loop = asyncio.new_event_loop()
        self._executor = ThreadPoolExecutor(8, thread_name_prefix="smtp")
        handler = _Handler(receiving, self._executor)

        def protocol() -> _BytesSMTP:
            return _BytesSMTP(
                handler,
                data_size_limit=MAX_MESSAGE_BYTES,
                enable_SMTPUTF8=True,
                hostname="inbound-smtp.local",
                ident="Postroom local SES",
                loop=self._loop,
            )

        making = self._loop.create_server(protocol, host, port, start_serving=False)
        try:
            self._server = self._loop.run_until_complete(making)
        except OSError as error:
            self._loop.close()
            raise UsageError(f"SMTP cannot listen on {host}:{port}: {error.strerror}") from error
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)

    def start(self) -> None:
        """Answer from now on: a connection made after this call is answered."""
        self._thread.start()
        self._serving.wait()

    def close(self) -> None:
        """Stop listening and end every session."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(2.0)
        elif not self._loop.is_closed():
            self._end()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.start_serving())
        self._serving.set()
        self._loop.run_forever()
        self._end()

    def _end(self) -> None:
        """Close the listening socket, the sessions and the loop; in the loop's thread, or before it has one."""
        self._server.close()
        sessions = asyncio.all_tasks(self._loop)
        for session in sessions:
            session.cancel()
        if sessions:  # a gathering of nothing belongs to another loop
            self._loop.run_until_complete(asyncio.gather(*sessions, return_exceptions=True))
        self._loop.close()
