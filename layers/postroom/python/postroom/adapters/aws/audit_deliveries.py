"""The deliveries of audit records: rows of the directory, and those that the account made in CloudWatch Logs.

Of CloudWatch Logs' deliveries, those count whose source is an organization of this account and Region. What Postroom
cannot carry out has a fault and stops no other delivery. If two deliveries send one log type to one destination, both
are carried out, as on AWS.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.aged import Aged
from postroom.adapters.aws.transactions import store_errors
from postroom.contracts import audit_settings
from postroom.model.audit_deliveries import AuditDelivery, AuditLogDelivery, DestinationKind, LogType, OutputFormat
from postroom.model.audit_targets import Place, target_of
from postroom.ports.directory import every_owned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_logs import CloudWatchLogsClient

    from postroom.ports.directory import Directory

_ALL: Final = ""
"""The only key of what is read for the whole account."""

_AWS_PREFIX: Final = re.compile(r"/?AWSLogs/\{account-id\}/[^/{}]+(?:/|\Z)")
"""What AWS puts before a suffix path and shows as a part of it when the delivery is read."""


class AwsAuditDeliveries:
    """Implements ``AuditDeliveries``. ``monotonic`` returns seconds."""

    def __init__(
        self, directory: Directory, logs: CloudWatchLogsClient, *, age_s: float, monotonic: Callable[[], float]
    ) -> None:
        self._own = Aged(partial(_own, directory), age_s, monotonic)
        self._vended = Aged(lambda _: vended(logs), age_s, monotonic)

    def of(self, organization_id: str) -> Sequence[AuditDelivery]:
        vended = self._vended.get(_ALL).get(organization_id, ())
        return sorted((*self._own.get(organization_id), *vended), key=lambda each: each.id)

    def is_audited(self, organization_id: str, log_type: LogType) -> bool:
        return any(each.log_type is log_type for each in self.of(organization_id))


def _own(directory: Directory, organization_id: str) -> Sequence[AuditDelivery]:
    return tuple(record.delivery for record in every_owned(directory, AuditLogDelivery, organization_id))


def vended(logs: CloudWatchLogsClient) -> Mapping[str, Sequence[AuditDelivery]]:
    """Return the deliveries of CloudWatch Logs by organization.

    Deliveries are read first: what they name cannot be deleted before they are.

    Raises:
        StoreUnavailableError: CloudWatch Logs did not list them, or may not be asked.
    """
    deliveries = list(_listed(logs, "describe_deliveries", "deliveries"))
    if not deliveries:
        return {}
    sources = {each["name"]: each for each in _listed(logs, "describe_delivery_sources", "deliverySources")}
    places = {each["arn"]: each for each in _listed(logs, "describe_delivery_destinations", "deliveryDestinations")}
    found: dict[str, list[AuditDelivery]] = defaultdict(list)
    for each in deliveries:
        source = sources.get(each["deliverySourceName"], {})
        for organization_id in _organizations(source, each["arn"]):
            found[organization_id].append(
                _delivery(each, LogType(source["logType"]), places.get(each["deliveryDestinationArn"], {}))
            )
    return found


def _listed(logs: Any, operation: str, member: str) -> Iterator[dict[str, Any]]:
    with store_errors("list the deliveries of CloudWatch Logs"):
        for page in logs.get_paginator(operation).paginate():
            yield from page[member]


def _organizations(source: Mapping[str, Any], delivery_arn: str) -> Iterator[str]:
    """Yield the ids of the source's organizations if it sends audit records of this account and Region."""
    ours = _place(delivery_arn).organization_arns
    if source.get("service") != "workmail" or source.get("logType") not in set(LogType):
        return
    for arn in source.get("resourceArns", ()):
        if arn.startswith(ours):
            yield arn.removeprefix(ours)


def _place(arn: str) -> Place:
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Place(partition, region, account)


def _delivery(described: Mapping[str, Any], log_type: LogType, destination: Mapping[str, Any]) -> AuditDelivery:
    """Return a delivery with a fault if there is one; members that cannot be told have any value then."""
    kind_text = destination.get("deliveryDestinationType", "")
    format_text = destination.get("outputFormat") or audit_settings.DEFAULT_FORMAT
    kind = DestinationKind(kind_text) if kind_text in set(DestinationKind) else DestinationKind.CLOUDWATCH_LOGS
    output_format = OutputFormat(format_text) if format_text in set(OutputFormat) else OutputFormat.JSON
    arn = destination.get("deliveryDestinationConfiguration", {}).get("destinationResourceArn", "")
    target, paths = target_of(arn), described.get("s3DeliveryConfiguration", {})
    delivery = AuditDelivery(
        id=described["id"],
        log_type=log_type,
        kind=kind,
        target_arn=arn if target is None else target.arn,
        output_format=output_format,
        record_fields=audit_settings.fields_or_default(described.get("recordFields"), log_type),
        field_delimiter=audit_settings.delimiter_or_default(described.get("fieldDelimiter"), output_format),
        suffix_path=_suffix(paths.get("suffixPath", "")),
        hive=paths.get("enableHiveCompatiblePath", False),
    )
    if not destination:
        fault = f"This account and Region have no delivery destination {described['deliveryDestinationArn']}."
    elif kind_text != kind:
        fault = f"Destinations of type {kind_text} are not supported."
    elif format_text != output_format:
        fault = f"The output format {format_text} is not supported."
    else:
        fault = audit_settings.fault(delivery, _place(described["arn"]))
    return replace(delivery, fault=fault)


def _suffix(path: str) -> str:
    shown = _AWS_PREFIX.match(path)
    return path[shown.end() :] if shown else path
