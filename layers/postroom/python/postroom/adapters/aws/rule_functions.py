"""Customers' functions, called by Lambda's API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from postroom.adapters.aws.transactions import code_of, store_errors
from postroom.ports.rule_functions import Failure, Invocation, said_of_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_lambda import LambdaClient

FAILURES: Final[Mapping[str, Failure]] = {
    "TooManyRequestsException": Failure.THROTTLED,
    "EC2ThrottledException": Failure.THROTTLED,
    "ThrottlingException": Failure.THROTTLED,
    "ResourceNotFoundException": Failure.NOT_FOUND,
    "AccessDeniedException": Failure.NOT_PERMITTED,
}
"""Failures by Invoke's error code. Every other code is UNAVAILABLE with a 5xx status, else REFUSED.
Source: Lambda's API reference, Invoke."""

MAX_READ_BYTES: Final = 1 << 20
"""Most bytes of an answer that are read; a longer answer is invalid anyway. Ours."""


MAX_POLICIES: Final = 1_000
"""Most policies that are kept. Ours: callers of the API choose the ARNs of functions that are tested."""


@dataclass(frozen=True, slots=True)
class LambdaRuleFunctions:
    """Implements ``RuleFunctions``. The client must not retry, and must have a read timeout of 15 seconds."""

    client: LambdaClient
    max_read_bytes: int = MAX_READ_BYTES

    def call(self, function_arn: str, event: bytes) -> Invocation:
        return self._invoke(function_arn, event, "RequestResponse")

    def hand_over(self, function_arn: str, event: bytes) -> Invocation:
        return self._invoke(function_arn, event, "Event")

    def _invoke(self, function_arn: str, event: bytes, kind: Literal["RequestResponse", "Event"]) -> Invocation:
        try:
            answer = self.client.invoke(FunctionName=function_arn, InvocationType=kind, Payload=event)
            payload = answer["Payload"].read(self.max_read_bytes)
        except ClientError as error:
            metadata = error.response.get("ResponseMetadata", {})
            said = f"{code_of(error)}: {error.response.get('Error', {}).get('Message', '')}"
            ours = metadata.get("HTTPStatusCode", 0) < HTTPStatus.INTERNAL_SERVER_ERROR
            failure = FAILURES.get(code_of(error), Failure.REFUSED if ours else Failure.UNAVAILABLE)
            return Invocation(None, failure, said_of_failure(said), request_id=metadata.get("RequestId", ""))
        except ReadTimeoutError:
            return Invocation(None, Failure.TIMED_OUT, "no answer in time")
        except BotoCoreError as error:
            return Invocation(None, Failure.UNAVAILABLE, code_of(error))
        version, request_id = answer.get("ExecutedVersion", ""), answer["ResponseMetadata"]["RequestId"]
        if answer.get("FunctionError"):
            return Invocation(None, Failure.FUNCTION_ERROR, _function_error(payload), version, request_id)
        return Invocation(payload, version=version, request_id=request_id)


@dataclass(slots=True)
class LambdaFunctionPolicies:
    """Implements ``FunctionPolicies``.

    A policy is kept for ``cache_s`` seconds, so that not every message costs a request. ``monotonic`` returns seconds.
    """

    client: LambdaClient
    monotonic: Callable[[], float]
    cache_s: float = 60.0
    _known: dict[str, tuple[float, Mapping[str, Any] | None]] = field(default_factory=dict)

    def policy(self, function_arn: str) -> Mapping[str, Any] | None:
        read_at, policy = self._known.get(function_arn, (None, None))
        if read_at is None or self.monotonic() - read_at >= self.cache_s:
            policy = self._read(function_arn)
            if len(self._known) >= MAX_POLICIES:
                self._known.clear()
            self._known[function_arn] = (self.monotonic(), policy)
        return policy

    def _read(self, function_arn: str) -> Mapping[str, Any] | None:
        with store_errors("read a function's policy"):
            try:
                policy: dict[str, Any] = json.loads(self.client.get_policy(FunctionName=function_arn)["Policy"])
            except self.client.exceptions.ResourceNotFoundException:
                return {} if self._exists(function_arn) else None
            return policy

    def _exists(self, function_arn: str) -> bool:
        """Return whether a function exists: GetPolicy has one answer for no policy and no function."""
        try:
            self.client.get_function_configuration(FunctionName=function_arn)
        except self.client.exceptions.ResourceNotFoundException:
            return False
        return True


def _function_error(payload: bytes) -> str:
    """Return the text of a runtime's error, ``{"errorType": …, "errorMessage": …}``; members may be missing."""
    try:
        said = json.loads(payload)
        text = f"{said.get('errorType', 'error')}: {said.get('errorMessage', '')}"
    except (ValueError, AttributeError, RecursionError):
        text = "an error that is not a JSON object"
    return said_of_failure(text)
