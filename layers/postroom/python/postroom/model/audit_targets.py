"""What a delivery of audit records may name as its destination: a log group, a bucket or a Firehose stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.model.audit_deliveries import DestinationKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE: Final = r"(?P<region>[a-z0-9-]+):(?P<account>\d{12})"

_FORMS: Final[Mapping[DestinationKind, re.Pattern[str]]] = {
    DestinationKind.CLOUDWATCH_LOGS: re.compile(
        rf"arn:(?P<partition>[a-z-]+):logs:{_PLACE}:log-group:(?P<name>[.\-_/#A-Za-z0-9]{{1,512}})(?::\*)?"
    ),
    DestinationKind.S3: re.compile(
        r"arn:(?P<partition>[a-z-]+):s3:::(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/|/(?P<prefix>[\w!.*'()/-]+?)/?)?",
        re.ASCII,
    ),
    DestinationKind.FIREHOSE: re.compile(
        rf"arn:(?P<partition>[a-z-]+):firehose:{_PLACE}:deliverystream/(?P<name>[a-zA-Z0-9_.-]{{1,64}})"
    ),
}
"""ARNs of destinations. A prefix has the characters that S3 calls safe in keys."""

_WANTED: Final[Mapping[DestinationKind, str]] = {
    DestinationKind.CLOUDWATCH_LOGS: "arn:aws:logs:<region>:<account>:log-group:<name>",
    DestinationKind.S3: "arn:aws:s3:::<bucket>[/<prefix>]",
    DestinationKind.FIREHOSE: "arn:aws:firehose:<region>:<account>:deliverystream/<name>",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where this stack runs."""

    partition: str
    region: str
    account: str

    @property
    def organization_arns(self) -> str:
        """What the ARNs of organizations begin with; the id follows."""
        return f"arn:{self.partition}:workmail:{self.region}:{self.account}:organization/"


@dataclass(frozen=True, slots=True)
class AuditTarget:
    """A destination that an ARN names.

    Attributes:
        kind: of the destination.
        name: of the log group, bucket or stream.
        prefix: of a bucket's keys, without slashes at its ends; empty for none.
        region: empty for buckets, whose ARNs name none.
        account: empty for buckets.
    """

    kind: DestinationKind
    partition: str
    name: str
    prefix: str = ""
    region: str = ""
    account: str = ""

    @property
    def arn(self) -> str:
        """The one ARN of this destination: without ``:*`` and without a slash at its end."""
        where = f"{self.region}:{self.account}"
        match self.kind:
            case DestinationKind.CLOUDWATCH_LOGS:
                return f"arn:{self.partition}:logs:{where}:log-group:{self.name}"
            case DestinationKind.S3:
                return f"arn:{self.partition}:s3:::{'/'.join(filter(None, (self.name, self.prefix)))}"
            case DestinationKind.FIREHOSE:
                return f"arn:{self.partition}:firehose:{where}:deliverystream/{self.name}"


def target_of(arn: str) -> AuditTarget | None:
    """Return the destination that an ARN names; None for anything else."""
    for kind, form in _FORMS.items():
        if found := form.fullmatch(arn):
            return AuditTarget(kind, **{name: text or "" for name, text in found.groupdict().items()})
    return None


def target_fault(arn: str, kind: DestinationKind, place: Place) -> str:
    """Return why an ARN names no destination of this kind, Region and account, as a sentence; empty if it does.

    Whether a bucket is in the Region, its ARN does not tell.
    """
    target = target_of(arn)
    if target is None or target.kind is not kind:
        return f"A destination of type {kind} is given as {_WANTED[kind]}."
    if target.partition != place.partition:
        return f"The destination must be in partition {place.partition}, not {target.partition}."
    if target.region not in ("", place.region):
        return f"The destination must be in Region {place.region}, not {target.region}."
    if target.account not in ("", place.account):
        return f"The destination must be in account {place.account}, not {target.account}."
    if "//" in target.prefix or target.prefix.startswith("/"):
        return "A bucket's prefix has no empty part."
    if "AWSLogs" in target.prefix:
        return "A bucket's prefix does not contain AWSLogs, which follows it."
    return ""
