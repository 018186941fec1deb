"""CloudWatch Logs' deliveries of logs: WorkMail's log types have their own fields, and nothing in use is deleted.

What moto 5.2.5 does for WorkMail's five log types, tried: it accepts them with their real names and refuses others.
Without recordFields it reports CloudFront's columns, and CloudFront's suffix path for buckets; it accepts any invented
field, any delimiter, and an S3 configuration for other destinations. A source or destination with deliveries can be
deleted, and the delivery stays. ``limit`` is ignored. A destination that is no bucket, group or stream is an internal
error, after which DescribeDeliveryDestinations always fails. UpdateDeliveryConfiguration and
DescribeConfigurationTemplates are missing. Source of AWS's behaviour: API reference of these operations; which fields
and values AWS has for WorkMail is not public, ours are in ``postroom.contracts.audit_settings``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from moto.firehose.models import firehose_backends
from moto.logs.exceptions import ConflictException, ResourceNotFoundException, ValidationException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from postroom.contracts.audit_log import FIELDS
from postroom.contracts.audit_paths import DEFAULT_SUFFIX, VARIABLES, suffix_fault
from postroom.contracts.audit_settings import DEFAULT_DELIMITER, FORMATS, MAX_DELIMITER_CHARACTERS, fields_fault
from postroom.model.audit_deliveries import DestinationKind, LogType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moto.logs.models import Delivery, DeliveryDestination

WORKMAIL: Final = "workmail"

MAX_RESULTS: Final = 50
"""Most results of one answer, and their number without a limit. Source: botocore, DescribeLimit."""

TYPES: Final = {"s3": "S3", "logs": "CWL", "firehose": "FH"}
"""deliveryDestinationType by the service of the destination's ARN."""

_put_destination = LogsBackend.put_delivery_destination
_create = LogsBackend.create_delivery
_delete_source = LogsBackend.delete_delivery_source
_delete_destination = LogsBackend.delete_delivery_destination


def put_delivery_destination(
    self: LogsBackend,
    name: str,
    output_format: str | None,
    delivery_destination_configuration: dict[str, str] | None,
    tags: dict[str, str] | None,
) -> DeliveryDestination:
    """PutDeliveryDestination, without moto's internal errors.

    Raises:
        ValidationException: the name is too long, or the destination is no bucket, log group or stream; X-Ray is not
            emulated.
    """
    _check_name(name)
    arn = (delivery_destination_configuration or {}).get("destinationResourceArn", "")
    if arn.split(":")[2:3] not in [[service] for service in TYPES]:
        raise ValidationException(f"Delivery destinations are log groups, buckets and Firehose streams, not '{arn}'.")
    return _put_destination(self, name, output_format, delivery_destination_configuration, tags)


def put_delivery_source(self: LogsResponse) -> str:
    """PutDeliverySource, with the limit of names.

    Raises:
        ValidationException: the name is too long or has other characters.
    """
    name = self._get_param("name")
    _check_name(name)
    made = self.logs_backend.put_delivery_source(
        name=name,
        resource_arn=self._get_param("resourceArn"),
        log_type=self._get_param("logType"),
        tags=self._get_param("tags"),
    )
    return json.dumps({"deliverySource": made.to_dict()})


def create_delivery(
    self: LogsBackend,
    delivery_source_name: str,
    delivery_destination_arn: str,
    record_fields: list[str] | None,
    field_delimiter: str | None,
    s3_delivery_configuration: dict[str, Any] | None,
    tags: dict[str, str] | None,
) -> Delivery:
    """CreateDelivery, with WorkMail's fields and suffix path where the request has none.

    Raises:
        ValidationException: a field or suffix path that the log type has not, or one that the destination cannot have.
    """
    source = self.delivery_sources.get(delivery_source_name)
    places = (each for each in self.delivery_destinations.values() if each.arn == delivery_destination_arn)
    place = next(places, None)
    if source is not None and place is not None and source.service == WORKMAIL:
        kind = DestinationKind(place.delivery_destination_type)
        _check(kind, LogType(source.log_type), record_fields, field_delimiter, s3_delivery_configuration)
        record_fields = record_fields or list(FIELDS[LogType(source.log_type)])
        s3_delivery_configuration = _paths(kind, s3_delivery_configuration)
        if kind is DestinationKind.FIREHOSE:
            _let_log_delivery_write(self, place.delivery_destination_configuration["destinationResourceArn"])
    return _create(
        self,
        delivery_source_name,
        delivery_destination_arn,
        record_fields,
        field_delimiter,
        s3_delivery_configuration,
        tags,
    )


def _let_log_delivery_write(self: LogsBackend, stream_arn: str) -> None:
    """Tag a stream, if there is one, as AWS does when a delivery is made. Source: WorkMail's guide, ZH:2669."""
    name, streams = stream_arn.rpartition("/")[2], firehose_backends[self.account_id][self.region_name]
    if name in streams.delivery_streams:
        streams.tag_delivery_stream(name, [{"Key": "LogDeliveryEnabled", "Value": "true"}])


def update_delivery_configuration(self: LogsResponse) -> str:
    """UpdateDeliveryConfiguration, which moto has not: what the request names is replaced.

    Raises:
        ResourceNotFoundException: there is no such delivery.
        ValidationException: as CreateDelivery.
    """
    backend, delivery_id = self.logs_backend, self._get_param("id")
    if delivery_id not in backend.deliveries:
        raise ResourceNotFoundException(msg="Requested Delivery does not exist in this account.")
    delivery = backend.deliveries[delivery_id]
    fields, delimiter = self._get_param("recordFields"), self._get_param("fieldDelimiter")
    paths = self._get_param("s3DeliveryConfiguration")
    source = backend.delivery_sources[delivery.delivery_source_name]
    if source.service == WORKMAIL:
        _check(DestinationKind(delivery.destination_type), LogType(source.log_type), fields, delimiter, paths)
    delivery.record_fields = fields or delivery.record_fields
    delivery.field_delimiter = delivery.field_delimiter if delimiter is None else delimiter
    delivery.s3_delivery_configuration = {**delivery.s3_delivery_configuration, **(paths or {})}
    return "{}"


def delete_delivery_source(self: LogsBackend, name: str) -> None:
    """DeleteDeliverySource.

    Raises:
        ConflictException: a delivery has this source.
    """
    if any(each.delivery_source_name == name for each in self.deliveries.values()):
        raise ConflictException(msg=f"Delivery source {name} has deliveries; delete them first.")
    _delete_source(self, name)


def delete_delivery_destination(self: LogsBackend, name: str) -> None:
    """DeleteDeliveryDestination.

    Raises:
        ConflictException: a delivery has this destination.
    """
    found = self.delivery_destinations.get(name)
    if found and any(each.delivery_destination_arn == found.arn for each in self.deliveries.values()):
        raise ConflictException(msg=f"Delivery destination {name} has deliveries; delete them first.")
    _delete_destination(self, name)


def describe_deliveries(self: LogsResponse) -> str:
    """DescribeDeliveries, in pages."""
    return _page(self, "deliveries", [each.to_dict() for each in self.logs_backend.describe_deliveries()])


def describe_delivery_sources(self: LogsResponse) -> str:
    """DescribeDeliverySources, in pages."""
    return _page(self, "deliverySources", [each.to_dict() for each in self.logs_backend.describe_delivery_sources()])


def describe_delivery_destinations(self: LogsResponse) -> str:
    """DescribeDeliveryDestinations, in pages."""
    found = self.logs_backend.describe_delivery_destinations()
    return _page(self, "deliveryDestinations", [each.to_dict() for each in found])


def describe_configuration_templates(self: LogsResponse) -> str:
    """DescribeConfigurationTemplates, which moto has not: WorkMail's, with our values."""
    service, log_types = self._get_param("service") or WORKMAIL, self._get_param("logTypes") or list(LogType)
    kinds = self._get_param("deliveryDestinationTypes") or list(DestinationKind)
    resources = self._get_param("resourceTypes") or ["organization"]
    found = [
        _template(log_type, kind)
        for log_type in LogType
        for kind in DestinationKind
        if service == WORKMAIL and "organization" in resources and log_type in log_types and kind in kinds
    ]
    return _page(self, "configurationTemplates", found)


def _template(log_type: LogType, kind: DestinationKind) -> dict[str, Any]:
    in_buckets = kind is DestinationKind.S3
    defaults: dict[str, Any] = {"recordFields": list(FIELDS[log_type]), "fieldDelimiter": DEFAULT_DELIMITER}
    if in_buckets:
        defaults["s3DeliveryConfiguration"] = _paths(kind, None)
    return {
        "service": WORKMAIL,
        "logType": log_type.value,
        "resourceType": "organization",
        "deliveryDestinationType": kind.value,
        "defaultDeliveryConfigValues": defaults,
        "allowedFields": [{"name": name, "mandatory": False} for name in FIELDS[log_type]],
        "allowedOutputFormats": [each.value for each in FORMATS[kind]],
        "allowedActionForAllowVendedLogsDeliveryForResource": "workmail:AllowVendedLogDeliveryForResource",
        "allowedFieldDelimiters": [DEFAULT_DELIMITER, " ", ",", ";", "|"],
        "allowedSuffixPathFields": list(VARIABLES) if in_buckets else [],
    }


def _check(
    kind: DestinationKind,
    log_type: LogType,
    fields: Sequence[str] | None,
    delimiter: str | None,
    paths: dict[str, Any] | None,
) -> None:
    """Raise ValidationException if a delivery of WorkMail's cannot have these settings."""
    if paths and kind is not DestinationKind.S3:
        raise ValidationException("s3DeliveryConfiguration is valid for S3 destinations only.")
    given = paths or {}
    if fault := suffix_fault(given.get("suffixPath", ""), hive=given.get("enableHiveCompatiblePath", False)):
        raise ValidationException(f"Provided suffixPath is invalid. {fault}")
    if fault := fields_fault(fields or (), log_type):
        raise ValidationException(f"Provided recordFields are invalid. {fault}")
    if len(delimiter or "") > MAX_DELIMITER_CHARACTERS:
        raise ValidationException(f"A fieldDelimiter has at most {MAX_DELIMITER_CHARACTERS} characters.")


def _paths(kind: DestinationKind, given: dict[str, Any] | None) -> dict[str, Any] | None:
    if kind is not DestinationKind.S3:
        return None
    return {"suffixPath": DEFAULT_SUFFIX, "enableHiveCompatiblePath": False} | (given or {})


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[\w-]{1,60}", name):
        raise ValidationException(f"Value '{name}' at 'name' must be 1 to 60 letters, digits, - and _.")


def _page(response: LogsResponse, member: str, found: list[dict[str, Any]]) -> str:
    """Return one page of a list; a token is the number of what came before."""
    limit = int(response._get_param("limit") or MAX_RESULTS)  # noqa: SLF001  as moto's own do
    if not 1 <= limit <= MAX_RESULTS:
        raise ValidationException(f"limit is from 1 to {MAX_RESULTS}.")
    start = int(response._get_param("nextToken") or 0)  # noqa: SLF001
    end = start + limit
    more = {"nextToken": str(end)} if end < len(found) else {}
    return json.dumps({member: found[start:end], **more})


def apply() -> None:
    """Put the functions above in place of moto's."""
    LogsBackend.put_delivery_destination = put_delivery_destination
    LogsBackend.create_delivery = create_delivery
    LogsBackend.delete_delivery_source = delete_delivery_source
    LogsBackend.delete_delivery_destination = delete_delivery_destination
    for function in (
        put_delivery_source,
        update_delivery_configuration,
        describe_deliveries,
        describe_delivery_sources,
        describe_delivery_destinations,
        describe_configuration_templates,
    ):
        setattr(LogsResponse, function.__name__, function)
