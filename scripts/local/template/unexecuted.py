"""Parts of a customer's template that have no effect on a laptop: notes name them, `up` goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from local.settings import ACCOUNT, REGION
from local.template.function_properties import KNOWN
from local.template.makers.workflows import is_executed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.functions.function import Function

STATE_MACHINES: Final = frozenset({"AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"})
RULE: Final = "AWS::Events::Rule"
SCHEDULE: Final = "AWS::Scheduler::Schedule"
_PROPERTIES: Final = (
    "AutoPublishAlias",
    "DeploymentPreference",
    "FileSystemConfigs",
    "FunctionUrlConfig",
    "ProvisionedConcurrencyConfig",
    "SnapStart",
    "Tracing",
    "VpcConfig",
)
"""Properties of a function that change its environment or its callers on AWS and have no effect here."""


def placeholder(stack_name: str, name: str, kind: str, attribute: str | None) -> str:
    """Return what Ref or GetAtt gives for a resource that is not made: a name, or an ARN of its service."""
    physical = f"{stack_name}-{name}"
    if attribute is None or not attribute.endswith("Arn"):
        return physical
    service = kind.split("::")[1].lower() if kind.count("::") > 1 else "local"
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{physical}"


def of_function(name: str, properties: Mapping[str, Any]) -> list[str]:
    """Note a function's properties that have no effect."""
    found = [one for one in _PROPERTIES if properties.get(one)] + sorted(properties.keys() - KNOWN)
    return [f"{name}: its {', '.join(found)} has no effect here"] if found else []


def of_resource(name: str, kind: str, properties: Mapping[str, Any], functions: Iterable[Function]) -> list[str]:
    """Note what of a resource that was made is not executed: targets of rules, events of state machines."""
    if kind in STATE_MACHINES:
        events = properties.get("Events", {}).items()
        return [f"{name}: its {event['Type']} event {title} is not executed here" for title, event in events]
    arns = {function.arn for function in functions}
    if kind == RULE:
        by_time = "EventPattern" not in properties
        targets = [
            one for one in properties.get("Targets", ()) if not (_is_of(one, arns) if by_time else is_executed(one))
        ]
        return [f"{name}: no event is handed on to its target {one['Arn']} here" for one in targets]
    if kind == SCHEDULE and not _is_of(properties.get("Target", {}), arns):
        return [f"{name}: its target {properties.get('Target', {}).get('Arn')} is not invoked here"]
    return []


def scheduled(kind: str, properties: Mapping[str, Any], functions: Iterable[Function]) -> list[tuple[Function, Any]]:
    """Return the functions that a rule or schedule invokes by time, each with what its event says."""
    if "ScheduleExpression" not in properties or kind not in (RULE, SCHEDULE):
        return []
    targets = properties.get("Targets", ()) if kind == RULE else [properties.get("Target", {})]
    by_arn = {function.arn: function for function in functions}
    shared = {key: properties[key] for key in ("ScheduleExpression", "State") if key in properties}
    return [
        (by_arn[one["Arn"]], {**shared, **({"Input": one["Input"]} if "Input" in one else {})})
        for one in targets
        if _is_of(one, by_arn)
    ]


def _is_of(target: Mapping[str, Any], arns: Iterable[str]) -> bool:
    return target.get("Arn") in set(arns)
