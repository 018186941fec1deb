"""Custom resources: their function is invoked at deployment and answers by HTTP.

Source: AWS CloudFormation, "Custom resource request types" and "response objects".
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import TYPE_CHECKING, Any, Final

from local.errors import TemplateError
from local.functions.invocations import UnknownFunctionError
from local.settings import ACCOUNT, REGION
from local.web import Response

if TYPE_CHECKING:
    from local.functions.invocations import Invocations
    from local.functions.service import LambdaService
    from local.template.project import CustomResource
    from local.web import Request

PATH: Final = "/_postroom/custom-resource/"
"""Ours: where functions put their answers, on the Lambda service's port."""

DEFAULT_TIMEOUT_S: Final = 60.0
"""Seconds; CloudFormation waits an hour unless ServiceTimeout says less. Ours: a laptop's user waits a minute."""


class CustomResources:
    """Makes custom resources."""

    def __init__(self, service: LambdaService, invocations: Invocations, url: str) -> None:
        """Take the answers at the Lambda service, which `url` reaches."""
        self._invocations = invocations
        self._url = url
        self._answers: dict[str, dict[str, Any]] = {}
        self._arrived = threading.Condition()
        service.hook(PATH, self._take)

    def create(self, resource: CustomResource, stack_name: str) -> None:
        """Invoke the function with a Create request and wait for its answer.

        Raises:
            TemplateError: there is no such function here; it answered FAILED, failed itself, or did not answer in time.
        """
        service = str(resource.properties.get("ServiceToken"))
        token = uuid.uuid4().hex
        request = {
            "RequestType": "Create",
            "RequestId": str(uuid.uuid4()),
            "ResponseURL": f"{self._url}{PATH}{token}",
            "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/local",
            "ResourceType": resource.kind,
            "LogicalResourceId": resource.logical_id,
            "ResourceProperties": {key: _as_text(value) for key, value in resource.properties.items()},
        }
        try:
            answer = self._invocations.invoke(service, request)
        except UnknownFunctionError as error:
            raise TemplateError(f"{resource.logical_id}: no function {error} here") from error
        if answer.error:
            said = answer.payload.decode("utf-8", "replace")
            raise TemplateError(f"{resource.logical_id}: its function failed: {said}")
        timeout_s = float(resource.properties.get("ServiceTimeout", DEFAULT_TIMEOUT_S))
        with self._arrived:
            if not self._arrived.wait_for(lambda: token in self._answers, timeout_s):
                raise TemplateError(f"{resource.logical_id}: no answer within {timeout_s:.0f} s")
            result = self._answers.pop(token)
        if result.get("Status") != "SUCCESS":
            reason = " ".join(str(result.get("Reason", "failed without a reason")).splitlines())
            raise TemplateError(f"{resource.logical_id}: {reason}")

    def _take(self, request: Request) -> Response:
        try:
            answer = json.loads(request.body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            answer = {"Status": "FAILED", "Reason": "the function's answer is no JSON object"}
        with self._arrived:
            self._answers[request.path.removeprefix(PATH)] = answer
            self._arrived.notify_all()
        return Response(200)


def _as_text(value: Any) -> Any:
    """Return a property as CloudFormation hands it over: every scalar a string."""
    if isinstance(value, dict):
        return {key: _as_text(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_text(member) for member in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
