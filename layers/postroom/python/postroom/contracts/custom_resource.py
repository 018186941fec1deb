"""CloudFormation's custom resources: request and response.

Source: CloudFormation User Guide, "Custom resource request types" and "Custom resource response objects".
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from postroom.contracts.base import Received, Sent


class Request(Received):
    """CloudFormation's request to a custom resource."""

    type: Literal["Create", "Update", "Delete"] = Field(alias="RequestType")
    response_url: str = Field(alias="ResponseURL")
    stack_id: str = Field(alias="StackId")
    request_id: str = Field(alias="RequestId")
    logical_id: str = Field(alias="LogicalResourceId")
    physical_id: str | None = Field(alias="PhysicalResourceId", default=None)
    properties: dict[str, Any] = Field(alias="ResourceProperties", default_factory=dict)


class Response(Sent):
    """The response: JSON of at most 4,096 bytes, put to the response URL."""

    status: Literal["SUCCESS", "FAILED"] = Field(alias="Status")
    reason: str = Field(alias="Reason", max_length=1000)
    physical_id: str = Field(alias="PhysicalResourceId")
    stack_id: str = Field(alias="StackId")
    request_id: str = Field(alias="RequestId")
    logical_id: str = Field(alias="LogicalResourceId")


def answer(request: Request, physical_id: str, reason: str, *, succeeded: bool) -> bytes:
    """Return the response as JSON. If the physical id is new, CloudFormation deletes the former resource afterwards."""
    response = Response(
        status="SUCCESS" if succeeded else "FAILED",
        reason=reason[:1000],
        physical_id=physical_id,
        stack_id=request.stack_id,
        request_id=request.request_id,
        logical_id=request.logical_id,
    )
    return response.model_dump_json(by_alias=True).encode()
