"""Customers' functions in this process, behind the clients of Lambda that stations use: calls go through botocore."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from postroom.adapters.aws import clients
from postroom.model.function_policy import availability_principal, principal
from postroom.model.rules import ActionType, LambdaCall
from tests.support.builders import arn
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest

    from postroom.model.rules import Rule

PREFIX: Final = "arn:aws:lambda:us-east-1:123456789012:function:"
ALL: Final[Any] = {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}
"""The answer of a function that lets a message through."""


class Body(io.BytesIO):
    """The body of a response, which botocore reads at once or piece by piece."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass
class Callees:
    """Functions by name, from event to answer; rules of all organizations may call them. One that raises has failed.

    A function that raises TimeoutError is one that did not answer in time.

    ``events`` is what they were called with, oldest first.
    """

    functions: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)

    def listen(self) -> None:
        """Answer for Lambda in every client that is made from now on."""
        events: Any = clients.session()
        events.register("before-send.lambda", self._answer)

    def rule(
        self,
        answer: Callable[[Any], Any],
        *,
        name: str = "tag",
        synchronous: bool = True,
        fallback: ActionType = ActionType.MOVE_TO_JUNK,
        timeout: int = 240,
        **more: Any,
    ) -> Rule:
        """Deploy a function, and make a rule about all mail that calls it."""
        self.functions[name] = answer
        call = LambdaCall(PREFIX + name, synchronous, fallback if synchronous else None, timeout if synchronous else 0)
        return rule(ActionType.RUN_LAMBDA, **{"id": f"r-{name}", "name": name, "call": call, **more})

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        function, operation = unquote(str(urlsplit(request.url).path)).split("/")[-2:]
        name = function.removeprefix(PREFIX)
        if name not in self.functions:
            said = {"Type": "User", "Message": f"Function not found: {PREFIX}{name}"}
            return _response(request, 404, said, {"x-amzn-ErrorType": "ResourceNotFoundException"})
        match operation:
            case "policy":
                return _response(request, 200, {"Policy": json.dumps({"Statement": [_statement(name)]})}, {})
            case "invocations":
                return self._invoke(request, name)
            case _:
                raise NotImplementedError(request.url)

    def _invoke(self, request: AWSPreparedRequest, name: str) -> AWSResponse:
        event = json.loads(request.body)  # type: ignore[arg-type]  # bytes: Invoke streams nothing
        self.events.append(event)
        if request.headers["X-Amz-Invocation-Type"] in {"Event", b"Event"}:  # its result is not returned
            return _response(request, 202, None, {})
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        try:
            answer = self.functions[name](event)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url) from error
        except Exception as error:  # noqa: BLE001 - as Lambda does
            failed = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return _response(request, 200, failed, {**headers, "X-Amz-Function-Error": "Unhandled"})
        return _response(request, 200, answer, headers)


def _statement(name: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": [principal("us-east-1"), availability_principal("us-east-1")]},
        "Action": "lambda:InvokeFunction",
        "Resource": PREFIX + name,
        "Condition": {"ArnLike": {"AWS:SourceArn": arn("*")}},
    }


def _response(request: AWSPreparedRequest, status: int, body: Any, headers: dict[str, str]) -> AWSResponse:
    content = b"" if body is None else json.dumps(body).encode()
    named = {"x-amzn-RequestId": "00000000-0000-4000-8000-000000000000", **headers}
    return AWSResponse(request.url, status, {"Content-Type": "application/json", **named}, Body(content))  # type: ignore[arg-type]
