"""The Lambda service's HTTP API, as far as stock boto3 needs it for invoking, changing and permitting functions.

Source of paths, status codes and error members: botocore's model lambda/2015-03-31.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from local.functions.configuration import OtherRevisionError, WrongValueError, changed, configuration
from local.functions.invocations import MAX_ASYNCHRONOUS_BYTES, MAX_EVENT_BYTES, UnknownFunctionError
from local.functions.pool import ThrottledError
from local.settings import function_arn
from local.web import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.functions.function import Function
    from local.functions.invocations import Invocations
    from local.web import Request

_FUNCTION_PATH: Final = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)(?P<rest>/.*)?")
_TRY: Final = "Please provide a new statement id, or remove the existing statement."
_PAGE: Final = 50
"""Functions on a page. Source: AWS, ListFunctions, "up to 50"."""


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str, **members: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.members = members


class LambdaService:
    """Answers requests; `answer` is the web server's callback."""

    def __init__(self, invocations: Invocations) -> None:
        """Keep what invokes functions. Resource policies are kept as long as the process runs."""
        self._invocations = invocations
        self._policies: dict[str, dict[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._hooks: dict[str, Callable[[Request], Response]] = {}

    def hook(self, path: str, answer: Callable[[Request], Response]) -> None:
        """Answer everything below `path` (ours, outside AWS's API) with `answer`."""
        self._hooks[path] = answer

    def allow(self, statement_id: str, asked: Mapping[str, Any]) -> None:
        """Put a template's AWS::Lambda::Permission into its function's resource policy.

        Args:
            statement_id: unique for the function.
            asked: FunctionName (or ARN), Action, Principal, and SourceArn, SourceAccount where they are set.

        Raises:
            UnknownFunctionError: no such function runs here.
            KeyError: a member is missing.
        """
        function = self._invocations.pool(str(asked["FunctionName"])).function
        statement = _statement(function, {**asked, "StatementId": statement_id})
        with self._lock:
            self._policies.setdefault(function.name, {})[statement_id] = statement

    def answer(self, request: Request) -> Response:
        """Answer one request of the Lambda API."""
        for path, hooked in self._hooks.items():
            if request.path.startswith(path):
                return hooked(request)
        try:
            return self._route(request)
        except _RefusedError as refused:
            kind = "User" if refused.status < 500 else "Service"
            body = {"Type": kind, "message": str(refused), **refused.members}
            return _json(refused.status, body, {"x-amzn-ErrorType": refused.code})

    def _route(self, request: Request) -> Response:
        if request.method == "GET" and request.path.rstrip("/") == "/2015-03-31/functions":
            return self._list(request)
        matched = _FUNCTION_PATH.fullmatch(request.path)
        if matched is None:
            raise _RefusedError(404, "UnknownOperationException", f"{request.method} {request.path}: not done locally")
        name = unquote(matched["name"])
        rest = matched["rest"] or ""
        if rest.startswith("/policy/"):
            rest, statement = "/policy/", unquote(rest.removeprefix("/policy/"))
        else:
            statement = ""
        function = self._function(name)
        match request.method, rest:
            case "POST", "/invocations":
                return self._invoke(function, request)
            case "GET", "":
                location = {"RepositoryType": "S3", "Location": function.code.as_uri()}
                return _json(200, {"Configuration": configuration(function), "Code": location, "Tags": {}})
            case "GET", "/configuration":
                return _json(200, configuration(function))
            case "PUT", "/configuration":
                return self._change(function, request)
            case "POST", "/policy":
                return self._add_permission(function, request)
            case "GET", "/policy":
                return self._get_policy(function)
            case "DELETE", "/policy/":
                return self._remove_permission(function, statement)
        raise _RefusedError(404, "UnknownOperationException", f"{request.method} {request.path}: not done locally")

    def _function(self, name: str) -> Function:
        try:
            return self._invocations.pool(name).function
        except UnknownFunctionError as error:
            message = f"Function not found: {function_arn(str(error))}"
            raise _RefusedError(404, "ResourceNotFoundException", message) from error

    def _list(self, request: Request) -> Response:
        first = int(parse_qs(request.query).get("Marker", ["0"])[0])
        functions = self._invocations.functions
        page: dict[str, Any] = {"Functions": [configuration(one) for one in functions[first : first + _PAGE]]}
        if first + _PAGE < len(functions):
            page["NextMarker"] = str(first + _PAGE)
        return _json(200, page)

    def _change(self, function: Function, request: Request) -> Response:
        try:
            asked = json.loads(request.body or b"{}")
            with self._lock:
                made = self._invocations.pool(function.name).renew(lambda now: changed(now, asked))
        except OtherRevisionError as error:
            raise _RefusedError(412, "PreconditionFailedException", str(error)) from error
        except WrongValueError as error:
            raise _RefusedError(400, "InvalidParameterValueException", str(error)) from error
        except (ValueError, AttributeError) as error:
            raise _RefusedError(400, "SerializationException", f"no JSON object: {error}") from error
        return _json(200, configuration(made))

    def _invoke(self, function: Function, request: Request) -> Response:
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        limit = MAX_ASYNCHRONOUS_BYTES if kind == "Event" else MAX_EVENT_BYTES
        if len(request.body) > limit:
            raise _RefusedError(
                413,
                "RequestTooLargeException",
                f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            )
        event = request.body or b"{}"
        _check_json(event)
        context = _client_context(request.headers.get("X-Amz-Client-Context"))
        if kind == "DryRun":
            return Response(204)
        if kind == "Event":
            request_id = self._invocations.invoke_later(function, event, context)
            return Response(202, headers={"x-amzn-RequestId": request_id})
        tail = request.headers.get("X-Amz-Log-Type") == "Tail"
        try:
            answer = self._invocations.pool(function.name).invoke(event, client_context=context, tail=tail)
        except ThrottledError as error:
            reason = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
            raise _RefusedError(429, "TooManyRequestsException", "Rate Exceeded.", **reason) from error
        headers = {
            "Content-Type": "application/json",
            "x-amzn-RequestId": answer.request_id,
            "X-Amz-Executed-Version": "$LATEST",
        }
        if answer.error:
            headers["X-Amz-Function-Error"] = answer.error
        if tail:
            headers["X-Amz-Log-Result"] = base64.b64encode(answer.log_tail).decode()
        return Response(200, answer.payload, headers)

    def _add_permission(self, function: Function, request: Request) -> Response:
        asked = json.loads(request.body)
        statement = _statement(function, asked)
        with self._lock:
            policy = self._policies.setdefault(function.name, {})
            if asked["StatementId"] in policy:
                message = f"The statement id ({asked['StatementId']}) provided already exists. {_TRY}"
                raise _RefusedError(409, "ResourceConflictException", message)
            policy[asked["StatementId"]] = statement
        return _json(201, {"Statement": json.dumps(statement)})

    def _get_policy(self, function: Function) -> Response:
        with self._lock:
            statements = list(self._policies.get(function.name, {}).values())
        if not statements:
            raise _RefusedError(404, "ResourceNotFoundException", "The resource you requested does not exist.")
        policy = json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})
        revision = str(uuid.UUID(hashlib.sha256(policy.encode()).hexdigest()[:32]))
        return _json(200, {"Policy": policy, "RevisionId": revision})

    def _remove_permission(self, function: Function, statement_id: str) -> Response:
        with self._lock:
            if self._policies.get(function.name, {}).pop(statement_id, None) is None:
                message = f"Statement {statement_id} is not found in resource policy."
                raise _RefusedError(404, "ResourceNotFoundException", message)
        return Response(204)


def _statement(function: Function, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Turn AddPermission's members into the policy statement that GetPolicy shows."""
    principal = str(asked["Principal"])
    is_service = "." in principal
    account = principal if principal.startswith("arn:") else f"arn:aws:iam::{principal}:root"
    shown: object = "*" if principal == "*" else ({"Service": principal} if is_service else {"AWS": account})
    statement: dict[str, Any] = {
        "Sid": asked["StatementId"],
        "Effect": "Allow",
        "Principal": shown,
        "Action": asked["Action"],
        "Resource": function.arn,
    }
    condition: dict[str, dict[str, str]] = {}
    if "SourceAccount" in asked:
        condition["StringEquals"] = {"AWS:SourceAccount": asked["SourceAccount"]}
    if "SourceArn" in asked:
        condition["ArnLike"] = {"AWS:SourceArn": asked["SourceArn"]}
    return statement | ({"Condition": condition} if condition else {})


def _check_json(event: bytes) -> None:
    try:
        json.loads(event)
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body into json: {error}"
        raise _RefusedError(400, "InvalidRequestContentException", message) from error


def _client_context(encoded: str | None) -> object:
    if not encoded:
        return None
    try:
        return json.loads(base64.b64decode(encoded))
    except ValueError as error:
        message = "Client context must be a valid Base64-encoded JSON object."
        raise _RefusedError(400, "InvalidRequestContentException", message) from error


def _json(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    identity = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, json.dumps(body).encode(), identity | (headers or {}))
