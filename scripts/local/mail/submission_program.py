"""``python -m local.mail.submission_program``: the ports of submission as a program of its own, until SIGTERM.

Its settings are variables (``bootstrap/smtp.py``) and its AWS clients are those of the functions, so it works on a
deployed stack as well. `postroom up` binds the ports and hands over the sockets: connections wait until it answers. It
writes one line of JSON for each login, refusal and message, with ids and reasons alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local.mail.listener import listening
from local.mail.services import PORTS, Service
from local.mail.submission_port import SubmissionServer

if TYPE_CHECKING:
    from postroom.smtp.replies import Reply

PARENT_CHECK_SECONDS: Final = 0.5
"""Seconds from one check that `up` still runs to the next. Ours."""


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the server's side of TLS, from PEM files: at least TLS 1.2 (RFC 8997)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def write(command: str, reply: Reply) -> None:
    """Write an answer's line to the log."""
    said = {"service": "smtp", "command": command, "code": reply.text[:3], **reply.log}
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()


def _watch(parent: int, stopping: threading.Event) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    stopping.set()


def _handed_over(text: str) -> tuple[Service, int]:
    service, _, descriptor = text.partition("=")
    return Service(service), int(descriptor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local.mail.submission_program", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORTS[Service.SUBMISSION], help="of STARTTLS")
    parser.add_argument("--submissions-port", type=int, default=PORTS[Service.SUBMISSIONS], help="of implicit TLS")
    parser.add_argument(
        "--socket",
        dest="sockets",
        action="append",
        type=_handed_over,
        metavar="SERVICE=N",
        help="a listening socket of the parent's, by its descriptor, in place of these; may be repeated",
    )
    parser.add_argument("--certificate", type=Path, required=True, help="PEM: the server's, then those above it")
    parser.add_argument("--key", type=Path, required=True, help="PEM of its key")
    parser.add_argument("--host-name", default="localhost", help="that the server greets with")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Answer mail clients until the program is asked to stop."""
    options = _parser().parse_args(arguments)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stopping.set())
    if options.sockets is None:
        ports = {Service.SUBMISSION: options.port, Service.SUBMISSIONS: options.submissions_port}
        taken = {service: listening(options.host, port, service) for service, port in ports.items()}
    else:
        taken = {service: socket.socket(fileno=descriptor) for service, descriptor in options.sockets}
        threading.Thread(target=_watch, args=(os.getppid(), stopping), daemon=True).start()
    from postroom.bootstrap import smtp  # after the sockets are there: the imports take a while

    front = smtp.build(smtp.SmtpSettings.read())
    tls = tls_context(options.certificate, options.key)
    server = SubmissionServer(front, taken, tls, host_name=options.host_name, log=write)
    server.start()
    stopping.wait()
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
