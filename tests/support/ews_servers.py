"""EWS servers on this machine, well-behaved and hostile, with certificates of an authority that is made here."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority; ``pem`` is its certificate."""

    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder("Test authority", "Test authority", key, NOW - DAY, NOW + DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def context(self, *names: str, end: dt.datetime = NOW + DAY) -> ssl.SSLContext:
        """The context of a server with a certificate for names and addresses."""
        return self.server(*names, end=end)[0]

    def server(self, *names: str, end: dt.datetime = NOW + DAY) -> tuple[ssl.SSLContext, str]:
        """The same with the certificate's PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        return _server(_builder("Test server", "Test authority", key, NOW - 2 * DAY, end), key, self.key, names)


def self_signed(*names: str) -> ssl.SSLContext:
    """The context of a server with a certificate that no authority has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _server(_builder("Test server", "Test server", key, NOW - DAY, NOW + DAY), key, key, names)[0]


def _server(
    builder: x509.CertificateBuilder,
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    names: Sequence[str],
) -> tuple[ssl.SSLContext, str]:
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    certificate = builder.add_extension(alternatives, critical=False).sign(signer, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(pem + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
    return context, pem.decode("ascii")


def _builder(
    subject: str, issuer: str, key: EllipticCurvePrivateKey, start: dt.datetime, end: dt.datetime
) -> x509.CertificateBuilder:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@cache
def authority() -> Authority:
    """The authority that the client under test trusts."""
    return Authority.new()


@cache
def good_context() -> ssl.SSLContext:
    return authority().context("localhost", "127.0.0.1")


class Connection:
    """The server's side of one connection."""

    def __init__(self, sock: socket.socket, stopped: threading.Event, opened: list[socket.socket]) -> None:
        self.sock, self._stopped, self._opened = sock, stopped, opened

    def secure(self, context: ssl.SSLContext) -> None:
        """Begin TLS in a connection that began without it."""
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self._opened.append(self.sock)

    def read_request(self) -> tuple[str, bytes]:
        """The header section and the body of a request with Content-Length."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.sock.recv(65_536)
            if not part:
                return "", b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        (length,) = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        while len(body) < int(length):
            body += self.sock.recv(65_536)
        return head.decode("ascii"), body

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join([*lines, "", ""]).encode("ascii") + body)

    def hang(self) -> None:
        """Do nothing until the server is stopped."""
        self._stopped.wait(60)

    def drip(self, data: bytes) -> None:
        """Send the same bytes again and again, until the client is gone or the server is stopped."""
        while not self._stopped.wait(0.02):
            self.send(data)


class EwsServer:
    """A server in threads: ``behave`` gets each connection."""

    def __init__(
        self,
        behave: Callable[[Connection], None],
        context: ssl.SSLContext | None = None,
        *,
        host: str = "127.0.0.1",
    ) -> None:
        self._behave, self._context = behave, context
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._threads.append(threading.Thread(target=self._accept, daemon=True))
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError):  # the client has left, or TLS failed
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            self._open.append(sock)
            connection = Connection(sock, self._stopped, self._open)
            try:
                self._behave(connection)
            finally:
                connection.sock.close()


def answering(answer: Callable[[str, bytes], tuple[int, bytes]]) -> Callable[[Connection], None]:
    """A server that answers each request by a function of its head and body."""

    def behave(connection: Connection) -> None:
        connection.answer(*answer(*connection.read_request()))

    return behave


def resolver(addresses: Mapping[str, Sequence[str]]) -> Callable[[str, int], Sequence[str]]:
    """A resolver of some names; others do not exist. Addresses resolve to themselves."""

    def resolve(host: str, port: int) -> Sequence[str]:
        if host not in addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return addresses[host]

    return resolve
