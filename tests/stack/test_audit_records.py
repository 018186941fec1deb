"""Audit records of a running stack reach what stock boto3 configured, and calls of the API its trail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.audit_deliveries import LogType
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

GROUP = "/acme/audited"


def lines(running: RunningStack, group: str) -> list[dict[str, Any]]:
    pages = running.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [json.loads(event["message"]) for page in pages for event in page["events"]]


@pytest.fixture(scope="module")
def organization(running: RunningStack) -> str:
    """An organization whose mailbox access goes to a log group."""
    organization_id = running.organization("audited")
    arn = running.client("workmail").describe_organization(OrganizationId=organization_id)["ARN"]
    logs, log_type = running.client("logs"), LogType.MAILBOX_ACCESS.value
    logs.create_log_group(logGroupName=GROUP)
    group_arn = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["arn"]
    logs.put_delivery_source(name="audited", resourceArn=arn, logType=log_type)
    made = logs.put_delivery_destination(
        name="audited", deliveryDestinationConfiguration={"destinationResourceArn": group_arn}
    )
    logs.create_delivery(deliverySourceName="audited", deliveryDestinationArn=made["deliveryDestination"]["arn"])
    return organization_id


def test_a_delivery_leaves_the_record_of_its_item(running: RunningStack, organization: str) -> None:
    user = running.user(organization, "ann", "ann@audited.example")
    running.send(b"From: bob@elsewhere.example\r\nSubject: x\r\n\r\nx\r\n", "ann@audited.example")
    (record,) = wait_for(lambda: lines(running, GROUP))
    (item,) = running.operator().mailboxes.items(user, "INBOX")
    assert (record["protocol"], record["action"], record["owner_id"]) == ("IncomingEmail", "create", user)
    assert record["item_id"] == item.id
    assert record["organization_arn"].endswith(f":organization/{organization}")


def test_calls_of_the_api_leave_their_records(running: RunningStack, organization: str) -> None:
    user = running.user(organization, "ben", "ben@audited.example")
    group = running.settings["API_TRAIL_LOG_GROUP"]

    def created() -> list[dict[str, Any]]:
        answers = [each for each in lines(running, group) if each["eventName"] == "CreateUser"]
        return [each for each in answers if (each["responseElements"] or {}).get("userId") == user]

    (record,) = wait_for(created)
    assert record["userIdentity"]["type"] == "Root"
    assert record["requestParameters"]["organizationId"] == organization
    assert "password" not in record["requestParameters"]
