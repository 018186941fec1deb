"""Lambda's Runtime API, for a function that streams its answers. The managed Python runtime cannot stream.

Sources: AWS, "Using the Lambda runtime API for custom runtimes"; "Implementing response streaming in a custom runtime".
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

VERSION: Final = "/2018-06-01/runtime"
CONTENT_TYPE: Final = "application/vnd.awslambda.http-integration-response"
"""Content type of an answer that begins with its status and header fields."""

ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY: Final = "Lambda-Runtime-Function-Error-Body"
MAX_TRACE_LINES: Final = 20
"""Most lines of a stack trace that an error carries. Ours."""


@dataclass(frozen=True, slots=True)
class Context:
    """The second argument of a handler, as far as Powertools and handlers read it.

    ``deadline_ms`` is in milliseconds since the epoch.
    """

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the function; never negative."""
        return max(0, self.deadline_ms - time.time_ns() // 1_000_000)


@dataclass(frozen=True, slots=True)
class RuntimeApi:
    """The Runtime API at ``address``, which is ``host:port``.

    Every method raises OSError if the API does not answer; the process ends then.
    """

    address: str

    def next(self) -> tuple[bytes, Context]:
        """Wait for an event and return it with its context."""
        answer, body = self._exchange("GET", "/invocation/next")
        os.environ["_X_AMZN_TRACE_ID"] = answer.headers.get("Lambda-Runtime-Trace-Id", "")
        return body, Context(
            aws_request_id=answer.headers["Lambda-Runtime-Aws-Request-Id"],
            invoked_function_arn=answer.headers["Lambda-Runtime-Invoked-Function-Arn"],
            deadline_ms=int(answer.headers["Lambda-Runtime-Deadline-Ms"]),
            function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            memory_limit_in_mb=os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
            log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        )

    def stream(self, request_id: str, pieces: Iterator[bytes], first: bytes) -> None:
        """Send an answer piece by piece; if ``pieces`` raises, the answer ends with an error trailer.

        Raises:
            OSError: Lambda refused the answer, or closed the connection.
            HTTPException: the same.
        """
        connection = http.client.HTTPConnection(self.address)
        connection.putrequest("POST", f"{VERSION}/invocation/{request_id}/response")
        for name, value in (
            ("Content-Type", CONTENT_TYPE),
            ("Lambda-Runtime-Function-Response-Mode", "streaming"),
            ("Transfer-Encoding", "chunked"),
            ("Trailer", f"{ERROR_TYPE}, {ERROR_BODY}"),
        ):
            connection.putheader(name, value)
        connection.endheaders()
        trailer = b""
        piece: bytes | None = first
        while piece is not None:
            connection.send(_chunk(piece))
            try:
                piece = next(pieces, None)
            except Exception as error:  # noqa: BLE001 - any error is reported to Lambda
                body = base64.b64encode(_described(error)).decode()
                trailer = f"{ERROR_TYPE}: {type(error).__name__}\r\n{ERROR_BODY}: {body}\r\n".encode()
                break
        connection.send(b"0\r\n" + trailer + b"\r\n")
        self._taken(connection, "an answer")

    def fail(self, request_id: str, error: BaseException) -> None:
        """Report that an event could not be answered."""
        self._exchange("POST", f"/invocation/{request_id}/error", _described(error), type(error).__name__)

    def fail_to_start(self, error: BaseException) -> None:
        """Report that the handler could not be imported."""
        self._exchange("POST", "/init/error", _described(error), type(error).__name__)

    def _exchange(
        self, method: str, path: str, body: bytes | None = None, error_type: str = ""
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self.address)
        connection.request(method, VERSION + path, body, {ERROR_TYPE: error_type} if error_type else {})
        return self._taken(connection, f"{method} {path}")

    @staticmethod
    def _taken(connection: http.client.HTTPConnection, what: str) -> tuple[http.client.HTTPResponse, bytes]:
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise OSError(f"the Runtime API answers {answer.status} to {what}")
        return answer, read


def serve(api: RuntimeApi, handler: Callable[[dict[str, Any], Context], Iterable[bytes]]) -> None:
    """Answer events one after the other, until the Runtime API is gone.

    Args:
        handler: returns its answer in pieces, at least one.

    Raises:
        OSError: the Runtime API is gone.
        HTTPException: the same.
    """
    while True:
        body, context = api.next()
        try:
            pieces = iter(handler(json.loads(body), context))
            first = next(pieces)
        except Exception as error:  # noqa: BLE001 - any error of a handler is the result of that event
            api.fail(context.aws_request_id, error)
            continue
        try:
            api.stream(context.aws_request_id, pieces, first)
        except (OSError, http.client.HTTPException) as error:  # Lambda closed the connection: its caller is gone
            sys.stderr.write(f"the answer to {context.aws_request_id} was cut off: {type(error).__name__}: {error}\n")


def _chunk(piece: bytes) -> bytes:
    """Return a piece as an HTTP chunk; nothing for an empty piece, which would end the answer."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def _described(error: BaseException) -> bytes:
    """Return an error as JSON in the form of Lambda's runtimes, and write its trace to the log."""
    trace = traceback.format_exception(error)
    sys.stderr.write("".join(trace))
    sys.stderr.flush()
    shaped = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace[-MAX_TRACE_LINES:]}
    return json.dumps(shaped).encode()
