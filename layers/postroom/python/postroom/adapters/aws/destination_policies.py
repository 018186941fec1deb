"""What the policies of a destination say of log delivery, which may be known for as long as the deliveries' settings.

Amazon WorkMail's records are written by the service principal of log delivery, and customers' policies name it. Ours
are written in the stack's role, which AWS checks. So a denial of that principal is respected here. AWS itself writes
the permissions into the policies of a group or bucket when a delivery is created (guide, ZH:2322, ZH:2419); ours needs
none in the same account, so a policy without a statement for log delivery is no refusal, and one whose statements leave
a write out is. Emulators evaluate none of this, or not the conditions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.errors import AuditRefusedError
from postroom.model.limits import DAY_MS
from postroom.model.resource_policy import Request, allowed, covers_resource, denied, names_service, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import Place

    Policy = Mapping[str, Any]

LOG_DELIVERY: Final = "delivery.logs.amazonaws.com"
"""Service principal of log delivery. Source: guide, ZH:2322-2480."""

OWNER_ACL: Final = "bucket-owner-full-control"
"""The ACL with which objects are put, because bucket policies ask for it. Source: guide, ZH:2470."""

TAG: Final = "LogDeliveryEnabled"
"""Tag, with the value ``true``, of streams that log delivery may write to. Source: guide, ZH:2656-2669."""


@dataclass(slots=True)
class DestinationPolicies:
    """Checks writes; every check raises AuditRefusedError if the write is denied, or if that cannot be read.

    Attributes:
        now: returns milliseconds since the epoch.
        kept_ms: how long a policy that was read holds.
        own_groups: log groups of the stack, which take no records: a line of one value, in the form plain, could be
            made to look like one of the stack's. IAM denies the stack's buckets.
    """

    logs: CloudWatchLogsClient
    s3: S3Client
    firehose: FirehoseClient
    place: Place
    now: Callable[[], int]
    kept_ms: int
    own_groups: frozenset[str] = frozenset()
    _read: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def check_group(self, delivery: AuditDelivery, group: str, stream: str) -> None:
        """Check a write to a log stream."""
        if group in self.own_groups:
            raise AuditRefusedError(f"the log group {group} is the stack's own")
        arn = f"{delivery.target_arn.removesuffix(':*')}:log-stream:{stream}"
        policies: Sequence[Policy] = self._known("log policies", self._log_policies)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            request = Request(LOG_DELIVERY, action, self._context(delivery.id), arn)
            for policy in policies:
                _refuse_denied(policy, request, group)
            about = [policy for policy in policies if _mentions(policy, arn)]
            if about and not any(allowed(policy, request) for policy in about):
                raise _missing(request, group)

    def retention_ms(self, group: str) -> int | None:
        """Return a log group's retention in milliseconds, None if its events never expire."""
        days: int | None = self._known(f"retention of {group}", lambda: self._retention(group))
        return None if days is None else days * DAY_MS

    def check_object(self, delivery_id: str, bucket: str, key: str) -> None:
        """Check a put of an object."""
        policy: Policy = self._known(f"policy of {bucket}", lambda: self._bucket_policy(bucket))
        context = {
            **self._context(delivery_id),
            "s3:x-amz-acl": OWNER_ACL,
            "s3:x-amz-server-side-encryption": None,
            "s3:x-amz-server-side-encryption-aws-kms-key-id": None,
        }
        arn = f"arn:{self.place.partition}:s3:::{bucket}/{key}"
        request = Request(LOG_DELIVERY, "s3:PutObject", context, arn)
        _refuse_denied(policy, request, bucket)
        if _mentions(policy) and not allowed(policy, request):
            raise _missing(request, bucket)

    def check_stream(self, stream: str) -> None:
        """Check that a Firehose stream has the tag of log delivery, which its role asks for as well."""
        tags: Mapping[str, str] = self._known(f"tags of {stream}", lambda: self._tags(stream))
        if tags.get(TAG) != "true":
            raise AuditRefusedError(f"the stream {stream} does not have the tag {TAG}=true")

    def _context(self, delivery_id: str) -> dict[str, str | None]:
        place = self.place
        source = f"arn:{place.partition}:logs:{place.region}:{place.account}:delivery-source:{delivery_id}"
        return {
            "aws:sourceaccount": place.account,
            "aws:sourcearn": source,
            "aws:securetransport": "true",
            "aws:principalisawsservice": "true",
            "aws:principalservicename": LOG_DELIVERY,
        }

    def _known(self, what: str, read: Callable[[], Any]) -> Any:
        until, value = self._read.get(what, (0, None))
        if self.now() >= until:
            try:
                value = read()
            except (BotoCoreError, ClientError) as error:
                raise AuditRefusedError(f"could not read {what}: {code_of(error)}") from error
            self._read[what] = (self.now() + self.kept_ms, value)
        return value

    def _log_policies(self) -> list[Policy]:
        found: list[Policy] = []
        for page in self.logs.get_paginator("describe_resource_policies").paginate():
            found += [_parsed(each.get("policyDocument", "{}")) for each in page.get("resourcePolicies", ())]
        return found

    def _retention(self, group: str) -> int | None:
        pages = self.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
        found = [each for page in pages for each in page["logGroups"] if each.get("logGroupName") == group]
        return found[0].get("retentionInDays") if found else None

    def _bucket_policy(self, bucket: str) -> Policy:
        try:
            return _parsed(self.s3.get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=self.place.account)["Policy"])
        except ClientError as error:
            if code_of(error) == "NoSuchBucketPolicy":
                return {}
            raise

    def _tags(self, stream: str) -> dict[str, str]:
        answer = self.firehose.list_tags_for_delivery_stream(DeliveryStreamName=stream)
        return {tag["Key"]: tag.get("Value", "") for tag in answer["Tags"]}


def _parsed(document: str) -> Policy:
    try:
        policy = json.loads(document)
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}


def _mentions(policy: Policy, resource: str | None = None) -> bool:
    """Say whether a policy has a permission for log delivery; with a resource: one about that resource."""
    return any(
        each.get("Effect") == "Allow"
        and names_service(each, LOG_DELIVERY)
        and (resource is None or covers_resource(each, resource))
        for each in statements(policy)
    )


def _refuse_denied(policy: Policy, request: Request, name: str) -> None:
    if denied(policy, request):
        raise AuditRefusedError(f"a policy of {name} denies {request.action} for {LOG_DELIVERY}")


def _missing(request: Request, name: str) -> AuditRefusedError:
    """Return the error for statements that leave a write out; it names the one that is missing."""
    context = {key: request.context[key] for key in ("aws:sourceaccount", "aws:sourcearn")}
    wanted = ", ".join(f"{key} {value}" for key, value in context.items())
    return AuditRefusedError(
        f"the policy of {name} has statements for {LOG_DELIVERY}, and none allows {request.action} "
        f"on {request.resource} with {wanted}"
    )
