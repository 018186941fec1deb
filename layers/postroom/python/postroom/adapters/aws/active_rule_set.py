"""The account's active receipt rule set, which a parameter of the stack may choose.

CloudFormation has no resource type for it, so a custom resource activates the set. SES has one active set per account
and Region. The physical id holds the set that was active before; deleting the resource activates that set again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.contracts.custom_resource import Request, answer

if TYPE_CHECKING:
    import urllib3
    from mypy_boto3_ses import SESClient

SEPARATOR: Final = "|"
"""Separates set and previous set in the physical id; names of rule sets cannot contain it."""


@dataclass(frozen=True, slots=True)
class ActiveRuleSet:
    """Answers CloudFormation's requests for ``Custom::ActiveReceiptRuleSet``."""

    client: SESClient
    http: urllib3.PoolManager

    def handle(self, event: dict[str, Any]) -> None:
        """Carry out one request and send the result to CloudFormation.

        Raises:
            pydantic.ValidationError: the event is not a request of CloudFormation; no result is sent.
        """
        request = Request.model_validate(event)
        physical_id, succeeded = request.physical_id or request.logical_id, True
        try:
            physical_id, done = self._give_back(physical_id) if request.type == "Delete" else self._take(request)
        except (BotoCoreError, ClientError, KeyError) as error:
            done, succeeded = f"SES refused: {code_of(error)}", False
        body = answer(request, physical_id, done, succeeded=succeeded)
        self.http.request("PUT", request.response_url, body=body, headers={"Content-Type": ""}, retries=3)

    def _take(self, request: Request) -> tuple[str, str]:
        """Activate the requested set. A repeated request for the active set keeps the physical id."""
        wanted, active = str(request.properties["RuleSetName"]), self._active()
        if active == wanted:
            return request.physical_id or f"{wanted}{SEPARATOR}", f"{wanted} is active already"
        self.client.set_active_receipt_rule_set(RuleSetName=wanted)
        return f"{wanted}{SEPARATOR}{active}", f"{wanted} is active, it was {active or 'none'}"

    def _give_back(self, physical_id: str) -> tuple[str, str]:
        """Activate the previous set, or none, unless another set has been activated meanwhile."""
        ours, separator, before = physical_id.partition(SEPARATOR)
        if not separator or self._active() != ours:
            return physical_id, "the active receipt rule set is not ours to change"
        if before:
            self.client.set_active_receipt_rule_set(RuleSetName=before)
        else:
            self.client.set_active_receipt_rule_set()
        return physical_id, f"{before or 'none'} is active again"

    def _active(self) -> str:
        return self.client.describe_active_receipt_rule_set().get("Metadata", {}).get("Name", "")
