"""How much memory transmit holds while it sends a message of 40 MB: to SES, to an SMTP gateway, as a journal report.

It runs in a process of its own, with the clients and the station of the function; orders and facts are in memory. The
sealed object is read, and the message sent, by HTTP from and to a server in this process, or by SMTP to another one.
Linux only, for /proc.
"""

from __future__ import annotations

import base64
import gc
import json
import multiprocessing
import os
import random
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from benchmarks.export_memory import CLEAR_REFS, RESET_PEAK, megabytes
from local.settings import CREDENTIALS, REGION
from postroom.adapters.aws import clients
from postroom.adapters.aws.outgoing import SesV2Sender
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.smtp_relays import SocketSmtpRelays
from postroom.adapters.memory.gateway_passwords import MemoryGatewayPasswords
from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.messages import read_message
from postroom.contracts.outbound_orders import SealedLocation, TransmitOrder
from postroom.contracts.smtp import CRLF
from postroom.model.facts import EventName
from postroom.model.limits import MAX_MESSAGE_BYTES, MB
from postroom.model.private_gateways import PrivateGateways
from postroom.model.records import Insert, SmtpGateway
from postroom.outbound.reading import OrderReader
from postroom.sealing import KEY_BYTES, seal_message
from tests.support.builders import ORG
from tests.support.ews_servers import authority
from tests.support.gateways import Gateway
from tests.support.journals import Archive
from tests.support.smtp_servers import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.smtp_relays import SmtpRelays

BUDGET: Final = 300.0
"""MB of the function, with the interpreter and its modules."""

BLOB: Final = "mail/o/m/one"
KEY: Final = bytes(KEY_BYTES)
GATEWAY: Final = "g-1"
LEFT: Final = {EventName.OUTGOING_EMAIL_SENT, EventName.JOURNALING_INITIATED}
"""Facts that say that SES, or a gateway, took the message."""

JOURNALED_BYTES: Final = MAX_MESSAGE_BYTES - MB
"""A report is larger than its message, and SES takes 40 MB."""


CARL: Final = "carl@example.org"
HEAD: Final = (
    b"From: Ann <ann@acme.test>\r\nTo: carl@example.org\r\nSubject: noise\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@acme.test>\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Way:
    """An order, and the servers that it needs.

    Attributes:
        url: of S3 and SES.
        port: of the SMTP gateway on this machine; 0: the message takes SES.
        certificates: PEM of the gateway's authority.
    """

    kind: type[TransmitOrder | JournalOrder]
    size: int
    url: str
    port: int = 0
    certificates: str = ""


def measure() -> dict[str, float]:
    """Return the peak of transmit in MB, by what it sends.

    Raises:
        RuntimeError: the message was not sent, or is not what the gateway has.
    """
    return {
        "to SES": _measured(TransmitOrder, MAX_MESSAGE_BYTES),
        "to an SMTP gateway": _measured_to_gateway(),
        "a journal report": _measured(JournalOrder, JOURNALED_BYTES),
    }


def _measured(kind: type[TransmitOrder | JournalOrder], size: int) -> float:
    with _outside(_sealed(_message(size))) as url:
        return _in_a_process(Way(kind, size, url))


def _measured_to_gateway() -> float:
    content = _message(MAX_MESSAGE_BYTES)
    with _outside(_sealed(content)) as url, Gateway() as gateway:
        peak = _in_a_process(Way(TransmitOrder, len(content), url, gateway.port, authority().pem))
        ((_, recipients, taken),) = gateway.taken
    if recipients != [CARL] or taken.partition(b"\r\n")[2] != content:  # behind our Received
        raise RuntimeError("the gateway has another message")
    return peak


def _sealed(content: bytes) -> bytes:
    return seal_message(content, mailbox_key=bytes(KEY_BYTES), place=BLOB, message_key=KEY)


def _in_a_process(way: Way) -> float:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak, way).result()


def _message(size: int) -> bytes:
    noise = random.Random(1).randbytes(size * 3 // 4)  # noqa: S311  not for secrets
    lines = (HEAD + base64.encodebytes(noise).replace(b"\n", b"\r\n"))[: size - len(CRLF)].rstrip(CRLF)
    return lines.ljust(size - len(CRLF), b"=") + CRLF


@contextmanager
def _outside(sealed: bytes) -> Iterator[str]:
    """Serve S3's one object and SES's one operation; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(sealed)

        def do_POST(self) -> None:
            left = int(self.headers["Content-Length"])
            while left:
                left -= len(self.rfile.read(min(left, MB)))
            self._answer(json.dumps({"MessageId": "1"}).encode())

        def _answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _peak(way: Way) -> float:
    """Carry an order out; return the peak in MB."""
    with patch.dict(os.environ, {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": way.url}):
        for make in (clients.s3, clients.dynamodb, clients.sqs, clients.kms, clients.ses_v2_sending):
            make()
        system = Archive()
        system.mail(CARL, content=HEAD + b"short")
        raw = S3RawMail(clients.s3(), "mail", system.transit_keys)
        place = SealedLocation(bucket="mail", key=BLOB, message_key=system.transit_keys.wrap(KEY, BLOB))
        bodies = [read_message(each) for each in system.queues.queues["transmit"]]
        order = next(each for each in bodies if isinstance(each, way.kind))
        order = order.model_copy(update={"raw": place, "size": way.size})
        relays: SmtpRelays = system.relays
        if isinstance(order, TransmitOrder) and way.port:
            order, relays = order.model_copy(update={"gateway_id": GATEWAY}), _gateway(system, way)
        station = replace(
            system.transmit,
            read=OrderReader(raw, system.own_addresses).read,
            ses=SesV2Sender(clients.ses_v2_sending(), "postroom"),
            relays=relays,
        )
        gc.collect()
        CLEAR_REFS.write_text(RESET_PEAK)
        station.accept(order.model_dump_json())
        peak = megabytes("VmHWM")
        if not any(fact.name in LEFT for fact in system.ledger.facts(order.trace)):
            raise RuntimeError("the message was not sent")
        return peak


def _gateway(system: Archive, way: Way) -> SocketSmtpRelays:
    """Make the gateway known, and return what speaks to it."""
    passwords = MemoryGatewayPasswords()
    record = SmtpGateway(
        organization_id=ORG,
        id=GATEWAY,
        name="relay",
        host="localhost",
        port=way.port,
        user_name=USER,
        sealed_password=passwords.seal(PASSWORD, ORG, GATEWAY),
    )
    system.directory.commit([Insert(record)])
    return SocketSmtpRelays(passwords, PrivateGateways.read(f"localhost:{way.port}"), way.certificates)
