"""The HTTP server of the local stack: bodies whose end nobody can tell."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from local.web import Request, Response, WebServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def port() -> Iterator[int]:
    """Return where a server answers with the bodies it gets."""

    def echo(request: Request) -> Response:
        return Response(200, request.body)

    server = WebServer("127.0.0.1", 0, echo, "the echo")
    server.start()
    yield server.port
    server.close()


def answer(port: int, *lines: bytes) -> list[bytes]:
    """Send the lines of a request's head and body; return those of the answer, read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\r\n".join([b"POST / HTTP/1.1", b"Host: x", *lines]))
        with connection.makefile("rb") as stream:
            return stream.read().splitlines()


@pytest.mark.parametrize("length", [b"ten", b"-1", b"+2", b"1_0", b"0x10", b"2, 2", "٢".encode(), b"9" * 5000])
def test_a_length_that_is_no_number_is_400(port: int, length: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    status, *_, body = answer(port, b"Content-Length: " + length, b"", b"{}")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert body == b'{"message":"Bad Request"}'
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "chunks", [[b"x"], [b"-1", b"{}"], [b"0x2", b"{}", b"0"], [b""], [b"2", b"{}{}", b"0"], ["٢".encode(), b"{}"]]
)
def test_a_chunk_whose_size_is_wrong_is_400(port: int, chunks: list[bytes], capfd: pytest.CaptureFixture[str]) -> None:
    status, *_, body = answer(port, b"Transfer-Encoding: chunked", b"", *chunks, b"", b"")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert body == b'{"message":"Bad Request"}'
    assert capfd.readouterr().err == ""


def test_what_is_well_formed_is_read_to_its_end(port: int) -> None:
    close = b"Connection: close"
    assert answer(port, close, b"Content-Length: 2", b"", b"{}")[-1] == b"{}"
    chunks = (b"2;name=value", b"{}", b"A", b"0123456789", b"0", b"Trailer: x", b"", b"")
    assert answer(port, close, b"Transfer-Encoding: chunked", b"", *chunks)[-1] == b"{}0123456789"
