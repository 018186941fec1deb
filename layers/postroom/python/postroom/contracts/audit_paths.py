"""Keys of S3 objects with audit records.

Amazon WorkMail's keys are not public. Ours are ``[<prefix>/]AWSLogs/<account>/WorkMail/`` and the delivery's suffix
path, as AWS puts ``AWSLogs/{account-id}/CloudFront/`` before that of CloudFront. Hive-compatible paths have the names
of variables, too: ``{yyyy}`` is ``year=2026``. A suffix path that writes such names itself is refused then, by AWS too
("Provided suffixPath is invalid").
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from postroom.model.audit_targets import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import Place

DEFAULT_SUFFIX: Final = "{region}/{organization-id}/{log-type}/{yyyy}/{MM}/{dd}/{HH}"
"""Suffix path of a delivery without one. Ours."""

VARIABLES: Final[Mapping[str, str]] = {
    "account-id": "account-id",
    "region": "region",
    "organization-id": "organization-id",
    "log-type": "log-type",
    "yyyy": "year",
    "MM": "month",
    "dd": "day",
    "HH": "hour",
}
"""Variables of suffix paths, with their names in Hive-compatible paths. Times are UTC."""

MAX_SUFFIX_CHARACTERS: Final = 256
"""Source: botocore, DeliverySuffixPath."""

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_PLAIN: Final = re.compile(r"[\w!.*'()=/-]*", re.ASCII)


def suffix_fault(suffix: str, *, hive: bool) -> str:
    """Return why a suffix path cannot be used, as a sentence; empty if it can, or is empty."""
    unknown = [name for name in _VARIABLE.findall(suffix) if name not in VARIABLES]
    if unknown:
        return f"A suffix path has no variable {{{unknown[0]}}}. Its variables are {{{'}, {'.join(VARIABLES)}}}."
    if len(suffix) > MAX_SUFFIX_CHARACTERS or not _PLAIN.fullmatch(_VARIABLE.sub("", suffix)):
        return f"A suffix path is at most {MAX_SUFFIX_CHARACTERS} letters, digits, variables and characters !-_.*'()=/."
    if suffix and not {"", ".", ".."}.isdisjoint(suffix.strip("/").split("/")):
        return "A suffix path has no part that is empty or consists of dots."
    if hive and "=" in suffix:
        return "A Hive-compatible suffix path has variables only: their names are added."
    return ""


def prefix(delivery: AuditDelivery, organization_id: str, place: Place, at_ms: int) -> str:
    """Return the prefix of keys for records of one hour, with a slash at its end.

    Args:
        delivery: to a bucket, without a fault.
        organization_id: of the records.
        place: whose account and Region the keys name.
        at_ms: any time of the hour, in milliseconds since the epoch.
    """
    at = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    values = {
        "account-id": place.account,
        "region": place.region,
        "organization-id": organization_id,
        "log-type": delivery.log_type.value,
        "yyyy": f"{at:%Y}",
        "MM": f"{at:%m}",
        "dd": f"{at:%d}",
        "HH": f"{at:%H}",
    }
    named = {name: f"{VARIABLES[name]}={value}" if delivery.hive else value for name, value in values.items()}
    suffix = (delivery.suffix_path or DEFAULT_SUFFIX).strip("/")
    target = target_of(delivery.target_arn)
    head = f"{target.prefix}/" if target is not None and target.prefix else ""
    return f"{head}AWSLogs/{place.account}/WorkMail/{_VARIABLE.sub(lambda found: named[found[1]], suffix)}/"
