"""Event destinations: where SES publishes what became of the messages that it sent."""

from __future__ import annotations

import re
from typing import Any

from local.template.makers.base import Made, Resource

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def make_event_destination(resource: Resource) -> Made:
    """Make an event destination with a topic. CloudFormation writes types as ``deliveryDelay``, API v2 in capitals."""
    properties = resource.properties
    wanted: dict[str, Any] = properties["EventDestination"]
    name = wanted.get("Name", resource.physical_name)
    destination = {
        "Enabled": wanted.get("Enabled", False),
        "MatchingEventTypes": [_WORD.sub("_", each).upper() for each in wanted["MatchingEventTypes"]],
        "SnsDestination": {"TopicArn": wanted["SnsDestination"]["TopicARN"]},
    }
    resource.aws.client("sesv2").create_configuration_set_event_destination(
        ConfigurationSetName=properties["ConfigurationSetName"],
        EventDestinationName=name,
        EventDestination=destination,
    )
    return Made(name)
