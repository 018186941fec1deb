"""State machines and rules of EventBridge."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from local.settings import ACCOUNT
from local.template.makers.base import Made, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUBSTITUTION: Final = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


def make_state_machine(resource: Resource) -> Made:
    """Make a state machine of CloudFormation's or SAM's kind; moto interprets its definition.

    Raises:
        ValueError, KeyError, OSError: it has no definition, or the file of it cannot be read.
        ClientError: moto does not understand the definition.
    """
    properties = resource.properties
    name = str(properties.get("StateMachineName") or properties.get("Name") or resource.physical_name)
    role = properties.get("RoleArn") or properties.get("Role")
    answer = resource.aws.client("stepfunctions").create_state_machine(
        name=name,
        definition=definition(resource),
        roleArn=str(role or f"arn:aws:iam::{ACCOUNT}:role/{resource.physical_name}Role"),
        type=str(properties.get("StateMachineType") or properties.get("Type") or "STANDARD"),
    )
    arn = str(answer["stateMachineArn"])
    return Made(arn, {"Arn": arn, "Name": name})


def definition(resource: Resource) -> str:
    """Return a state machine's definition as JSON, with its substitutions made.

    Raises:
        ValueError, KeyError, OSError: as of `make_state_machine`.
    """
    properties = resource.properties
    given = properties.get("Definition") or properties.get("DefinitionString")
    if given is None:
        uri = properties.get("DefinitionUri") or properties["DefinitionS3Location"]
        if not isinstance(uri, str) or uri.startswith("s3://"):
            raise ValueError("its definition is in no file of the project")
        path = resource.folder / uri
        text = path.read_text("utf-8")
        given = yaml.safe_load(text) if path.suffix in (".yaml", ".yml") else text
    text = given if isinstance(given, str) else json.dumps(given)
    values: Mapping[str, Any] = properties.get("DefinitionSubstitutions", {})

    def substituted(match: re.Match[str]) -> str:
        # within a string of the definition: what JSON escapes there is escaped
        return json.dumps(_text(values[match[1]]))[1:-1] if match[1] in values else match[0]

    return _SUBSTITUTION.sub(substituted, text)


EXECUTED_TARGETS: Final = ("sqs", "logs", "events")
"""Services that moto hands an event on to."""


def make_rule(resource: Resource) -> Made:
    """Make a rule of EventBridge with those of its targets that moto hands events to; a schedule has none there."""
    events = resource.aws.client("events")
    properties = resource.properties
    name = str(properties.get("Name", resource.physical_name))
    bus = {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}
    pattern = properties.get("EventPattern")
    # Schedules are kept by us: moto does not run them.
    when = (
        {"EventPattern": json.dumps(pattern)} if pattern else {"ScheduleExpression": properties["ScheduleExpression"]}
    )
    arn = events.put_rule(Name=name, State=str(properties.get("State", "ENABLED")), **when, **bus)["RuleArn"]
    executed = [one for one in properties.get("Targets", ()) if pattern and is_executed(one)]
    if executed:
        events.put_targets(Rule=name, Targets=executed, **bus)
    return Made(name, {"Arn": arn})


def is_executed(target: Mapping[str, Any]) -> bool:
    """Say whether moto hands events on to a rule's target."""
    return str(target["Arn"]).split(":")[2] in EXECUTED_TARGETS


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
