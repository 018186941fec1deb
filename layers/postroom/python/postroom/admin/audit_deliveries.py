"""PutAuditLogDelivery, DescribeAuditLogDelivery, DeleteAuditLogDelivery, ListAuditLogDeliveries.

A delivery sends the records of one log type to one destination, so that there is at most one of the two. Records that
were made before are not delivered. Settings are those of CloudWatch Logs' delivery API; ours, where WorkMail's are not
public, are in ``contracts.audit_settings``. Deliveries that the account made in CloudWatch Logs are not listed here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from postroom.admin import idempotency, lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts import audit_settings
from postroom.contracts.admin.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from postroom.model.audit_deliveries import AuditDelivery, AuditLogDelivery, DestinationKind, LogType, OutputFormat
from postroom.model.audit_targets import target_fault, target_of
from postroom.model.records import Put, Remove, Replace
from postroom.ports.directory import every_owned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Organization

MAX_DELIVERIES: Final = 50
"""Most deliveries of an organization: ten for each log type. Ours."""


def put(
    context: Context, request: requests.PutAuditLogDeliveryRequest, now: int
) -> answers.PutAuditLogDeliveryResponse:
    """Add a delivery, or replace the settings of the one with this log type and destination."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "PutAuditLogDelivery", request, now)
    if replay.answer is not None:
        return {"DeliveryId": replay.answer}
    delivery = _checked(context, _asked(context, organization, request))
    found = context.directory.owned(AuditLogDelivery, organization.id, delivery.id)
    if found is None:
        _check_room(context, organization)
    record = AuditLogDelivery(
        organization_id=organization.id, delivery=delivery, created=found.created if found else now, modified=now
    )
    context.directory.commit([Replace(organization), Put(record), *replay.remember(delivery.id)])
    return {"DeliveryId": delivery.id}


def describe(context: Context, request: requests.DescribeAuditLogDeliveryRequest, _now: int) -> dict[str, Any]:
    """Return one delivery."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = context.directory.owned(AuditLogDelivery, organization.id, request["DeliveryId"])
    if found is None:
        raise ResourceNotFoundException(f"There is no delivery {request['DeliveryId']} in the organization.")
    return _described(found)


def delete(
    context: Context, request: requests.DeleteAuditLogDeliveryRequest, _now: int
) -> answers.DeleteAuditLogDeliveryResponse:
    """End a delivery. It is no error if it does not exist (ours, as with rules)."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = context.directory.owned(AuditLogDelivery, organization.id, request["DeliveryId"])
    if found is not None:
        context.directory.commit([Replace(organization), Remove(found)])
    return {}


def list_(context: Context, request: requests.ListAuditLogDeliveriesRequest, _now: int) -> dict[str, Any]:
    """List deliveries ordered by id."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListAuditLogDeliveries",
        request,
        lambda after: _all(context, organization.id, after),
        lambda record: record.key,
    )
    return present(Deliveries=[_described(record) for record in found], NextToken=token)


def _all(context: Context, organization_id: str, after: str | None = None) -> Iterable[AuditLogDelivery]:
    return every_owned(context.directory, AuditLogDelivery, organization_id, after)


def _asked(context: Context, organization: Organization, request: Any) -> AuditDelivery:
    """Return the delivery that a request describes.

    Raises:
        InvalidParameterException: the ARN is no destination here, or a setting does not belong to the destination.
    """
    kind, log_type = DestinationKind(request["DeliveryDestinationType"]), LogType(request["LogType"])
    output_format = OutputFormat(request.get("OutputFormat", audit_settings.DEFAULT_FORMAT))
    if output_format is OutputFormat.JSON and request.get("FieldDelimiter"):
        raise InvalidParameterException("FieldDelimiter: json has none.")
    if kind is not DestinationKind.S3 and "S3DeliveryConfiguration" in request:
        raise InvalidParameterException(f"S3DeliveryConfiguration: a destination of type {kind} has none.")
    given_arn, paths = request["DestinationResourceArn"], request.get("S3DeliveryConfiguration", {})
    target, fault = target_of(given_arn), target_fault(given_arn, kind, context.settings.place)
    if target is None or fault:
        raise InvalidParameterException(f"DestinationResourceArn: {fault}")
    return AuditDelivery(
        id=_id(organization.id, log_type, target.arn),
        log_type=log_type,
        kind=kind,
        target_arn=target.arn,
        output_format=output_format,
        record_fields=audit_settings.fields_or_default(request.get("RecordFields"), log_type),
        field_delimiter=audit_settings.delimiter_or_default(request.get("FieldDelimiter"), output_format),
        suffix_path=paths.get("SuffixPath", ""),
        hive=paths.get("EnableHiveCompatiblePath", False),
    )


def _checked(context: Context, delivery: AuditDelivery) -> AuditDelivery:
    """Return a delivery that can be carried out.

    Raises:
        InvalidParameterException: a setting is not possible, or the destination is the stack's own or in another
            Region.
        ResourceNotFoundException: there is no such destination.
    """
    if fault := audit_settings.fault(delivery, context.settings.place):
        raise InvalidParameterException(fault)
    target = target_of(delivery.target_arn)
    if target and target.name in context.settings.own_targets:
        raise InvalidParameterException(f"DestinationResourceArn: {target.name} is Postroom's own.")
    region = target and context.audit_targets.region(target)
    if region is None:
        raise ResourceNotFoundException(f"There is no destination {delivery.target_arn}, or it may not be seen.")
    if region != context.settings.region:
        raise InvalidParameterException(
            f"DestinationResourceArn: The destination must be in Region {context.settings.region}, not {region}."
        )
    return delivery


def _check_room(context: Context, organization: Organization) -> None:
    if len(list(_all(context, organization.id))) >= MAX_DELIVERIES:
        raise LimitExceededException(f"An organization has at most {MAX_DELIVERIES} deliveries of audit records.")


def _id(organization_id: str, log_type: LogType, target_arn: str) -> str:
    """Return the id that the delivery of a log type to a destination always has.

    Records that wait for a delivery which is deleted and made again find it.
    """
    return hashlib.sha256("\n".join((organization_id, log_type, target_arn)).encode()).hexdigest()[:32]


def _described(record: AuditLogDelivery) -> dict[str, Any]:
    delivery = record.delivery
    paths = present(SuffixPath=delivery.suffix_path or None, EnableHiveCompatiblePath=delivery.hive)
    return present(
        DeliveryId=delivery.id,
        LogType=delivery.log_type,
        DeliveryDestinationType=delivery.kind,
        DestinationResourceArn=delivery.target_arn,
        OutputFormat=delivery.output_format,
        RecordFields=list(delivery.record_fields),
        FieldDelimiter=delivery.field_delimiter or None,
        S3DeliveryConfiguration=paths if delivery.kind is DestinationKind.S3 else None,
        DateCreated=seconds(record.created),
        DateModified=seconds(record.modified),
    )
