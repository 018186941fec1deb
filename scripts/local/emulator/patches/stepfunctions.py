"""Step Functions: state machines run, and their tasks reach this stack."""

from __future__ import annotations

import os
import uuid
from typing import Any, Final

import boto3
from moto.core.config import default_user_config
from moto.core.models import botocore_stubber
from moto.core.responses import ActionResult

EXECUTE: Final = "POSTROOM_STATE_MACHINES"
"""State machines run if this variable is set, to whatever value."""


class Clients:
    """boto3 as moto's interpreter of state machines uses it.

    moto asks itself for every service, at a port of its own choice. Functions are run by the Lambda service of this
    stack, not by moto, and the emulator's port is any.
    """

    @staticmethod
    def client(**members: Any) -> Any:
        """Make a client for the endpoint that the environment names for its service, else for the emulator."""
        service = str(members["service_name"])
        if not botocore_stubber.enabled:  # over HTTP: not in a process that has moto in it
            variable = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
            members["endpoint_url"] = os.environ.get(variable) or os.environ["AWS_ENDPOINT_URL"]
        make: Any = boto3.client
        return make(**members)


def start_execution(self: Any) -> Any:
    """Name an execution that its caller does not; moto calls each of them None, and so runs only the first."""
    name = self._get_param("name") or str(uuid.uuid4())
    arn, given = self._get_param("stateMachineArn"), self._get_param("input", if_none="{}")
    execution = self.stepfunction_backend.start_execution(arn, name, given)
    return ActionResult({"executionArn": execution.execution_arn, "startDate": execution.start_date})


def apply() -> None:
    """Execute state machines if the environment says so: importing what executes them takes time."""
    if not os.environ.get(EXECUTE):
        return
    from moto.stepfunctions.parser.asl.utils import boto_client
    from moto.stepfunctions.responses import StepFunctionResponse

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    boto_client.boto3 = Clients
    StepFunctionResponse.start_execution = start_execution
