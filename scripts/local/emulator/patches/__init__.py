"""What we change in moto: one module per service, each change named, with what moto does and why ours differs.

``apply()`` makes all changes in this process. Tests call it once before ``moto.mock_aws``; the emulator's server calls
it before it serves. Import moto (or this package) before the first boto3 session is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.emulator.patches import (
    dispatch,
    docker,
    dynamodb,
    kms,
    log_deliveries,
    logs,
    s3,
    ses,
    ses_feedback,
    ses_sending,
    sqs,
    stepfunctions,
    streams,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PATCHES: Final[tuple[Callable[[], None], ...]] = (
    docker.forbid,
    dispatch.apply,
    dynamodb.apply,
    streams.apply,
    sqs.apply,
    s3.apply,
    kms.apply,
    logs.apply,
    log_deliveries.apply,
    ses.apply,
    ses_feedback.apply,
    ses_sending.apply,
    stepfunctions.apply,
)
"""Every change, in the order it is made; each may be made twice."""


def apply() -> None:
    """Change moto in this process; calling it again changes nothing more."""
    for patch in PATCHES:
        patch()
