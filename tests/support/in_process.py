"""The stack in this process: template.yaml deployed to moto, functions called directly, nothing that polls.

What a running stack does by itself (mappings, subscriptions, streams) a test does here, step by step.
"""

import functools
import http.server
import importlib.util
import io
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto import mock_aws

from cli.repository import STACK_NAME, repository_root
from cli.running import Stack, session
from cli.stack_outputs import settings_of
from local.aws import Aws
from local.emulator import patches
from local.functions.function import Function
from local.settings import CREDENTIALS, REGION
from local.template.project import Project
from postroom.adapters.aws import clients
from postroom.bootstrap.operator import Operator
from postroom.bootstrap.operator import build as build_operator

UNSET: Final = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DATA_PATH")


class Account(Aws):
    """moto, under AWS's own endpoints."""

    def __init__(self) -> None:
        super().__init__({})

    @functools.cache  # noqa: B019 - lives as long as a test
    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(service)


@dataclass
class Context:
    """The members of Lambda's context that our functions read."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:f"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Functions:
    """Every function of the template; imported with its own variables when it is first invoked."""

    by_name: dict[str, Function]
    _handlers: dict[str, Any] = field(default_factory=dict)

    def invoke(
        self,
        FunctionName: str,  # noqa: N803 - boto3's names
        Payload: bytes,  # noqa: N803
        InvocationType: str = "RequestResponse",  # noqa: N803
    ) -> dict[str, Any]:
        """Answer as a stock Lambda client does."""
        metadata = {"ResponseMetadata": {"RequestId": "request-1"}}
        try:
            answer = self._handler(FunctionName)(json.loads(Payload), Context(FunctionName))
        except Exception as error:  # noqa: BLE001 - as Lambda does
            failed = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {**metadata, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(failed).encode())}
        payload = json.dumps(answer).encode() if isinstance(answer, dict | list | None) else b"".join(answer)
        return {**metadata, "Payload": io.BytesIO(payload)}

    def _handler(self, name: str) -> Any:
        function = self.by_name[name]
        name = function.name
        if name not in self._handlers:
            spec = importlib.util.spec_from_file_location(f"app_{name}", function.code / "app.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            # Loggers keep the stdout of their start, and a command's own is closed after it.
            with patch.dict(os.environ, function.environment), redirect_stdout(sys.__stdout__):
                spec.loader.exec_module(module)
            self._handlers[name] = module.handler
        return self._handlers[name]


class Body:
    """The body of a response, for botocore."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


class CloudFormation:
    """CloudFormation, as a custom resource sees it: a URL that takes its answer."""

    def __init__(self) -> None:
        answers: list[dict[str, Any]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.answers = answers
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass(frozen=True, kw_only=True)
class InProcessStack(Stack):
    """A ``Stack`` whose Lambda service and API are calls in this process."""

    project: Project
    functions: Functions
    cloudformation: CloudFormation

    @functools.cached_property
    def outputs(self) -> Mapping[str, str]:
        return self.project.outputs()

    def client(self, service: str) -> Any:
        if service == "lambda":
            return self.functions
        make: Any = session().create_client
        made = make(service)
        if service == "s3":  # moto answers only boto3, and the custom resource sends HTTP itself
            made.generate_presigned_url = lambda *_, **__: self.cloudformation.url
        if service == "workmail":
            made.meta.events.register("before-send.workmail", self._answer)
        return made

    def settings(self) -> dict[str, str]:
        return {name: value for each in self.project.functions for name, value in each.environment.items()}

    def operator(self) -> Operator:
        return build_operator({**os.environ, **settings_of(self.outputs)})

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Answer a request of the API as API Gateway and the function do."""
        raw: dict[str, Any] = dict(request.headers.items())
        headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in raw.items()}
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        event = {
            "httpMethod": "POST",
            "path": "/",
            "headers": headers,
            "body": body.decode(),
            "isBase64Encoded": False,
            "requestContext": {"requestId": "request-1"},
        }
        said = self.functions.invoke("AdminApiFunction", json.dumps(event).encode())
        answer = json.loads(said["Payload"].read())
        content: Any = Body(answer["body"].encode())
        return AWSResponse(request.url, answer["statusCode"], answer["headers"], content)


@contextmanager
def deployed(**parameters: str) -> Iterator[InProcessStack]:
    """Deploy template.yaml into an empty account, with samconfig's local parameters and these."""
    with patch.dict(os.environ, {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}):
        for name in UNSET:
            os.environ.pop(name, None)
        clients.forget()
        with mock_aws():
            patches.apply()
            project = Project(repository_root(), STACK_NAME, Account(), {}, asked=parameters)
            project.deploy()
            functions = Functions({name: each for each in project.functions for name in (each.name, each.logical_id)})
            cloudformation = CloudFormation()
            ours = functools.cache(lambda: functions)
            # functions of ours that call others
            with patch.object(clients, "availability_queries", ours), patch.object(clients, "submissions", ours):
                yield InProcessStack({}, project=project, functions=functions, cloudformation=cloudformation)
            cloudformation.close()
        clients.forget()
