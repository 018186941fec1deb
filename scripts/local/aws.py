"""Clients with which the local stack calls the emulator.

There are two. `client()` is plain boto3: for deploying, where speed does not matter. `JsonService` is a bare HTTP
connection for what happens many times per message (receive, delete, read a stream, write logs): boto3 spends about a
millisecond of CPU per call on signing, endpoint rules and parsing that an emulator never looks at, and it decodes
stream records (binary, timestamps) that a function must get exactly as they came.
"""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from local.settings import CREDENTIALS, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROTOCOLS: Final = {
    # signing name: (X-Amz-Target prefix, JSON version)
    "sqs": ("AmazonSQS", "1.0"),
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "streams.dynamodb": ("DynamoDBStreams_20120810", "1.0"),
    "logs": ("Logs_20140328", "1.1"),
}
_ENDPOINT_NAMES: Final = {
    # Where several variables could name an endpoint: the endpoint of DynamoDB is that of its streams, too.
    "streams.dynamodb": ("DYNAMODB_STREAMS", "DYNAMODB"),
}
_READ_TIMEOUT_S: Final = 65.0
"""Seconds; above the longest long poll (20 s)."""


class ServiceError(Exception):
    """The service answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code


class Aws:
    """Clients for one emulator."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        """Keep the endpoint variables (AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>)."""
        self._endpoints = endpoints
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def endpoint(self, service: str) -> str:
        """Return the URL of a service, by its signing name."""
        names = _ENDPOINT_NAMES.get(service, (service.upper().replace("-", "_"),))
        found = (
            self._endpoints[f"AWS_ENDPOINT_URL_{name}"]
            for name in names
            if f"AWS_ENDPOINT_URL_{name}" in self._endpoints
        )
        return next(found, self._endpoints["AWS_ENDPOINT_URL"])

    def client(self, service: str) -> Any:
        """Return a boto3 client; made once per service."""
        with self._lock:
            if service not in self._clients:
                # Here, not above: half a second that a failing start need not wait for.
                import boto3
                from botocore.config import Config

                make: Any = boto3.client  # its stub wants literal service names
                self._clients[service] = make(
                    service,
                    endpoint_url=self.endpoint(service),
                    region_name=REGION,
                    aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                    config=Config(
                        retries={"max_attempts": 1},
                        s3={"addressing_style": "path"},
                        max_pool_connections=50,
                        request_checksum_calculation="when_required",
                    ),
                )
            return self._clients[service]

    def account(self) -> str:
        """Return the account that the emulator files our resources under: moto's and LocalStack's differ."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def json(self, service: str) -> JsonService:
        """Return a bare client for one of the JSON services."""
        return JsonService(self.endpoint(service), service)


class JsonService:
    """One AWS JSON service at an emulator; safe to share between threads (a connection each)."""

    def __init__(self, url: str, service: str) -> None:
        """Keep where to connect; no connection yet."""
        self._target, version = _PROTOCOLS[service]
        self._connections = Connections(url)
        scope = f"{CREDENTIALS['AWS_ACCESS_KEY_ID']}/20200101/{REGION}/{service.rpartition('.')[2]}/aws4_request"
        self._headers = {
            "Content-Type": f"application/x-amz-json-{version}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local",
        }

    def __call__(self, operation: str, **body: Any) -> dict[str, Any]:
        """Call one operation with its members as keywords.

        Raises:
            ServiceError: the service refused.
            OSError: the service cannot be reached.
        """
        headers = {**self._headers, "X-Amz-Target": f"{self._target}.{operation}"}
        status, answer = self._connections.request("POST", "/", json.dumps(body).encode(), headers)
        if status == http.HTTPStatus.OK:
            decoded: dict[str, Any] = json.loads(answer) if answer else {}
            return decoded
        raise _service_error(status, answer)


def _service_error(status: int, answer: bytes) -> ServiceError:
    try:
        error = json.loads(answer)
    except ValueError:
        return ServiceError(status, "UnreadableAnswer", answer[:200].decode("utf-8", "replace"))
    code = str(error.get("__type", "Unknown")).rpartition("#")[2]
    return ServiceError(status, code, str(error.get("message") or error.get("Message") or ""))


class Connections:
    """Keep-alive connections to one host, one per thread; a connection the other side closed is opened anew once."""

    def __init__(self, url: str) -> None:
        """Keep the address; connect on first use."""
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._local = threading.local()

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send one request and return status and body.

        Raises:
            OSError: no connection, also not at the second try.
        """
        fresh = False
        while True:
            connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPConnection(*self._address, timeout=_READ_TIMEOUT_S)
                self._local.connection = connection
                fresh = True
            try:
                connection.request(method, path, body, dict(headers))
                response = connection.getresponse()
                return response.status, response.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                self._local.connection = None
                stale = isinstance(error, http.client.RemoteDisconnected | BrokenPipeError | ConnectionResetError)
                if fresh or not stale:
                    raise error if isinstance(error, OSError) else ConnectionError(str(error)) from error
