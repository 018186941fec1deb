"""The rights that a command's calls need, and AWS denying one: emulators allow everything.

Calls are watched where botocore makes them. What functions of the stack call in this process is not the caller's: they
have roles of their own.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from cli import rights, running
from postroom.adapters.aws import clients
from tests.faults import permissions
from tests.support.accounts import ACCOUNT_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.in_process import InProcessStack

CALLER: Final = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/operators/ann"

Right = tuple[str, str]
"""An action, and the ARN of its resource."""


@dataclass
class Watched:
    """The rights that were used, and those that are denied, by action."""

    used: set[Right] = field(default_factory=set)
    denied: str = ""
    _inside: int = 0

    @contextmanager
    def by(self, denied: str = "") -> Iterator[set[Right]]:
        """Deny an action meanwhile; yield the rights that are used."""
        self.used, self.denied = set(), denied
        try:
            yield self.used
        finally:
            self.denied = ""

    def within(self, stack: InProcessStack) -> None:
        """Leave out what the stack's functions call."""
        invoke = stack.functions.invoke

        def inside(*arguments: Any, **named: Any) -> Any:
            if not self._inside and "FunctionName" in named:  # without names, the support code stands in for the API
                self._invoke(named["FunctionName"])
            self._inside += 1
            try:
                return invoke(*arguments, **named)
            finally:
                self._inside -= 1

        stack.functions.invoke = inside  # type: ignore[method-assign]

    def _invoke(self, name: str) -> None:
        right = "lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{name}"
        if self._check(*right) is not None:
            raise ClientError({"Error": _error(*right)}, "Invoke")  # type: ignore[typeddict-item]

    def attach(self) -> None:
        """Watch the clients that are made from now on."""
        for session in (running.session(), clients.session()):
            rights.name_resources(session)
            session.register("before-call.*.*", self._before)

    def _before(self, **call: Any) -> Any:
        """Answer a denied call in place of its service."""
        if self._inside:
            return None
        model, parameters = call["model"], call["context"]["postroom_params"]
        service = model.service_model.service_name
        for action, resource in _needed(service, model.name, parameters):
            if (answer := self._check(action, resource)) is not None:
                return answer
        return None

    def _check(self, action: str, resource: str) -> Any:
        self.used.add((action, resource))
        if action != self.denied:
            return None
        return _Response(), {"Error": _error(action, resource), "ResponseMetadata": {"HTTPStatusCode": 403}}


class _Response:
    status_code = 403
    headers: Final[Mapping[str, str]] = {}


def _error(action: str, resource: str) -> dict[str, str]:
    """Return an error as the service of an action has it; S3 names neither action nor resource, KMS no action."""
    service, _, operation = action.partition(":")
    if service == "s3":
        return {"Code": "AccessDenied", "Message": "Access Denied"}
    if service == "kms":
        hidden = "does not exist, does not exist in this region, or you are not allowed to access."
        message = f"The ciphertext refers to a customer master key that {hidden}"
        return {"Code": "AccessDeniedException", "Message": message}
    said = f"{service}:{operation.lower()}" if service == "sqs" else action
    why = f"because no identity-based policy allows the {said} action"
    code = "AccessDenied" if service in ("cloudformation", "sqs") else "AccessDeniedException"
    message = f"User: {CALLER} is not authorized to perform: {said} on resource: {resource} {why}"
    return {"Code": code, "Message": message}


def _needed(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Right]:
    """Yield the rights that a call needs."""
    if service == "workmail":
        yield "execute-api:Invoke", f"arn:aws:execute-api:us-east-1:{ACCOUNT_ID}:api/v1/POST/"
        return
    for _, action, name in permissions.asked("operator", service, operation, parameters):
        yield action, _arn(service, name, parameters)


def _arn(service: str, name: str, parameters: Mapping[str, Any]) -> str:
    place = f"us-east-1:{ACCOUNT_ID}"
    match service:
        case "dynamodb":
            return f"arn:aws:dynamodb:{place}:table/{name}"
        case "s3":
            return f"arn:aws:s3:::{name}"
        case "sqs":
            return f"arn:aws:sqs:{place}:{name.rpartition('/')[2]}"
        case "logs":
            group = parameters.get("logGroupName", "")
            return f"arn:aws:logs:{place}:log-group:{group}" if group else "*"
        case "kms":
            return str(parameters.get("KeyId", f"arn:aws:kms:{place}:key/of-an-organization"))
        case "cloudformation":
            return f"arn:aws:cloudformation:{place}:stack/{parameters['StackName']}/*"
        case _:
            return "*"
