"""Wiring of functions/write_audit_digests."""

from __future__ import annotations

from functools import partial

from postroom.adapters.aws import clients
from postroom.adapters.aws.destination_policies import DestinationPolicies
from postroom.adapters.aws.digest_objects import S3DigestObjects
from postroom.adapters.aws.digest_signatures import KmsDigestSigner
from postroom.adapters.aws.written_objects import DynamoWrittenObjects
from postroom.bootstrap import audit_parts, directory_parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import Arn, AuditDeliveriesSettings
from postroom.digests.write import AuditDigests
from postroom.model.audit_targets import Place


class WriteAuditDigestsSettings(AuditDeliveriesSettings):
    transit_table: str
    audit_signing_key_arn: Arn


@ready
def build(settings: WriteAuditDigestsSettings) -> AuditDigests:
    """Account and Region are those of the signing key, which is the stack's."""
    _, partition, _, region, account, _ = settings.audit_signing_key_arn.split(":", 5)
    place, buckets = Place(partition, region, account), clients.audit_buckets()
    logs, firehose = clients.later(clients.logs), clients.later(clients.firehose)
    policies = DestinationPolicies(logs, buckets, firehose, place, now_ms, settings.audit_settings_cache_s * 1000)
    return AuditDigests(
        chains=DynamoWrittenObjects(clients.dynamodb(), settings.transit_table),
        objects=S3DigestObjects(buckets, account, partial(policies.check_object, "digests")),
        signer=KmsDigestSigner(clients.kms(), settings.audit_signing_key_arn),
        deliveries=audit_parts.deliveries(settings),
        owners=directory_parts.owners(settings),
        stack=place,
        now=now_ms,
    )
