"""Real worker processes behind the real Lambda service, called with stock boto3, without the rest of the stack."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.aws import Aws
from local.functions.function import Function
from local.functions.invocations import Invocations
from local.functions.logs import FunctionLogs
from local.functions.service import LambdaService
from local.web import WebServer
from postroom.adapters.aws import clients

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pytest


class LocalLambda:
    """Runs functions; their log is in ``folder/logs``."""

    def __init__(self, folder: Path, functions: Iterable[Function]) -> None:
        self.folder = folder
        aws = Aws({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
        self.logs = FunctionLogs(folder / "logs", aws)
        self.invocations = Invocations(functions, {"AWS_ENDPOINT_URL": "http://x"}, self.logs, aws, speed=600)
        self.service = LambdaService(self.invocations)
        self.server = WebServer("127.0.0.1", 0, self.service.answer, "the Lambda service")
        self.server.start()
        make: Any = boto3.client
        self.client = make(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{self.server.port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )

    def invoke(self, event: object, name: str, **more: Any) -> tuple[Any, Any]:
        """Return the answer's payload, decoded, and the answer."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
        return json.loads(answer["Payload"].read() or b"null"), answer

    def written(self, name: str) -> str:
        """Return the output of a function so far."""
        path = self.folder / "logs" / f"{name}.log"
        return path.read_bytes().decode("utf-8", "replace") if path.exists() else ""

    def close(self) -> None:
        self.server.close()
        self.invocations.close()
        self.logs.close()


@contextmanager
def local_function(name: str, code: str, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[LocalLambda]:
    """Serve one function to the clients of this process; ``code`` is its module, with ``handler``."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(variable, "test")
    patch.delenv("AWS_ENDPOINT_URL", raising=False)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    (folder / "app.py").write_text(code, "utf-8")
    made = LocalLambda(folder, [Function(name, name.title(), "app.handler", folder, "python3.13", timeout_s=60)])
    patch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{made.server.port}")
    clients.forget()
    try:
        yield made
    finally:
        made.close()
        clients.forget()
