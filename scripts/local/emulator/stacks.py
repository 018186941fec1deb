"""The stacks that `up` has deployed, as CloudFormation would describe them.

``POST /_postroom/stacks`` with ``{"name": …, "outputs": {…}}`` adds one. DescribeStacks by its name answers with its
outputs. Every other call of CloudFormation, and other names, are moto's: to make the stack there would cost each `up`
the second that moto takes to import every service that its CloudFormation knows.
Source of the answer: botocore's model cloudformation/2010-05-15.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from local.settings import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

PATH: Final = "/_postroom/stacks"

_NAMESPACE: Final = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


class Stacks:
    """WSGI middleware that knows the stacks."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._outputs: dict[str, Mapping[str, str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if environ["PATH_INFO"] == PATH:
            asked = json.loads(_body(environ))
            self._outputs[asked["name"]] = asked["outputs"]
            return _answer(start_response, b"", "text/plain")
        if self._outputs and "/cloudformation/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
            form = {name: values[0] for name, values in parse_qs(_body(environ).decode(errors="replace")).items()}
            name = form.get("StackName", "")
            if form.get("Action") == "DescribeStacks" and name in self._outputs:
                return _answer(start_response, described(name, self._outputs[name]).encode(), "text/xml")
        return self._application(environ, start_response)


def described(name: str, outputs: Mapping[str, str]) -> str:
    """Return the answer of DescribeStacks about one stack."""
    members = "".join(
        f"<member><OutputKey>{escape(key)}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
        for key, value in outputs.items()
    )
    stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/local"
    return (
        f'<DescribeStacksResponse xmlns="{_NAMESPACE}"><DescribeStacksResult><Stacks><member>'
        f"<StackName>{escape(name)}</StackName><StackId>{escape(stack_id)}</StackId>"
        "<CreationTime>1970-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>"
        f"<Outputs>{members}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )


def _body(environ: dict[str, Any]) -> bytes:
    """Read the request's body and leave it to be read again."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _answer(start_response: Callable[..., Any], body: bytes, content_type: str) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
