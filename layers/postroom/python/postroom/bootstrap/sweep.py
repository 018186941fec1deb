"""Wiring of functions/sweep."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import parts, ready
from postroom.bootstrap.environment import Environment, now_ms
from postroom.model.limits import OPEN_TOO_LONG_SECONDS, RETENTION_AFTER_FINAL_DAYS
from postroom.parking.sweep import Patience, Sweep


@ready
def build(settings: Environment | None = None) -> Sweep:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    return Sweep(
        parking=parts.parking(settings),
        archive=S3RawMail(clients.s3(), settings["INBOUND_BUCKET"]),
        organizations=DynamoOrganizations(clients.dynamodb(), settings["DIRECTORY_TABLE"]),
        patience=Patience(
            open_too_long=settings.sooner(OPEN_TOO_LONG_SECONDS) * 1000,
            keep_after_final=settings.sooner(RETENTION_AFTER_FINAL_DAYS * 86_400) * 1000,
        ),
        now=now_ms,
    )
