"""How much memory transmit holds while it sends a message of 40 MB: to SES, and as a journal report.

It runs in a process of its own, with the clients and the station of the function; orders and facts are in memory. The
sealed object is read, and the message sent, by HTTP from and to a server in this process. Linux only, for /proc.
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
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from benchmarks.export_memory import CLEAR_REFS, RESET_PEAK, megabytes
from local.settings import CREDENTIALS, REGION
from postroom.adapters.aws import clients
from postroom.adapters.aws.outgoing import SesV2Sender
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.messages import read_message
from postroom.contracts.outbound_orders import SealedLocation, TransmitOrder
from postroom.model.limits import MAX_MESSAGE_BYTES, MB
from postroom.outbound.reading import OrderReader
from postroom.sealing import KEY_BYTES, seal_message
from tests.support.journals import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET: Final = 300.0
"""MB of the function, with the interpreter and its modules."""

BLOB: Final = "mail/o/m/one"
JOURNALED_BYTES: Final = MAX_MESSAGE_BYTES - MB
"""A report is larger than its message, and SES takes 40 MB."""


CARL: Final = "carl@example.org"
HEAD: Final = (
    b"From: Ann <ann@acme.test>\r\nTo: carl@example.org\r\nSubject: noise\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@acme.test>\r\n\r\n"
)


def measure() -> dict[str, float]:
    """Return the peak of transmit in MB, by what it sends.

    Raises:
        RuntimeError: the message was not sent.
    """
    return {
        "to SES": _measured(TransmitOrder, MAX_MESSAGE_BYTES),
        "a journal report": _measured(JournalOrder, JOURNALED_BYTES),
    }


def _measured(kind: type[TransmitOrder | JournalOrder], size: int) -> float:
    content, key = _message(size), bytes(KEY_BYTES)
    sealed = seal_message(content, mailbox_key=bytes(KEY_BYTES), place=BLOB, message_key=key)
    with _outside(sealed) as url, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak, url, kind, key, size).result()


def _message(size: int) -> bytes:
    noise = random.Random(1).randbytes(size * 3 // 4)  # noqa: S311  not for secrets
    return (HEAD + base64.encodebytes(noise).replace(b"\n", b"\r\n"))[:size]


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


def _peak(url: str, kind: type[TransmitOrder | JournalOrder], message_key: bytes, size: int) -> float:
    """Carry an order out; return the peak in MB."""
    with patch.dict(os.environ, {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": url}):
        for make in (clients.s3, clients.dynamodb, clients.sqs, clients.kms, clients.ses_v2_sending):
            make()
        system = Archive()
        system.mail(CARL, content=HEAD + b"short")
        raw = S3RawMail(clients.s3(), "mail", system.transit_keys)
        place = SealedLocation(bucket="mail", key=BLOB, message_key=system.transit_keys.wrap(message_key, BLOB))
        bodies = [order for each in system.queues.queues["transmit"] if isinstance(order := read_message(each), kind)]
        order = bodies[0].model_copy(update={"raw": place, "size": size})
        station = replace(
            system.transmit,
            read=OrderReader(raw, system.own_addresses).read,
            ses=SesV2Sender(clients.ses_v2_sending(), "postroom"),
        )
        gc.collect()
        CLEAR_REFS.write_text(RESET_PEAK)
        station.accept(order.model_dump_json())
        peak = megabytes("VmHWM")
        if not any(fact.data.get("sesMessageId") == "1" for fact in system.ledger.facts(order.trace)):
            raise RuntimeError("the message was not sent")
        return peak
