"""Wiring of functions/admin_api."""

from __future__ import annotations

import secrets
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.account_checks import AwsLogTargets, KmsOrganizationKeys
from postroom.adapters.aws.audit_targets import AwsAuditTargets
from postroom.adapters.aws.availability_passwords import SecretsManagerPasswords, SecretsManagerRemoval
from postroom.adapters.aws.availability_queries import LambdaAvailabilityQueries
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.domain_services import ReceiptSettings, SesDomainServices
from postroom.adapters.aws.export_checks import AwsExportBuckets
from postroom.adapters.aws.gateway_passwords import KmsGatewayPasswords
from postroom.adapters.aws.import_sources import S3ImportObjects
from postroom.adapters.aws.leases import Leases
from postroom.adapters.aws.mailbox_heads import DynamoMailboxHeads
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.aws.passwords import Argon2Passwords
from postroom.adapters.aws.role_arns import IamRoleArns
from postroom.adapters.aws.rule_functions import LambdaFunctionPolicies
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.adapters.aws.submissions import LambdaSubmits
from postroom.admin import trail
from postroom.admin.context import AdminSettings, Context
from postroom.bootstrap import audit_parts, parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import (
    Arn,
    AuditTrailSettings,
    DirectorySettings,
    FlowSettings,
    TimedSettings,
    Url,
)
from postroom.model.impersonation import TOKEN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from postroom.admin.api import Answered
    from postroom.model.principals import Principals
    from postroom.model.private_gateways import PrivateGateways
    from postroom.model.private_servers import PrivateServers


class AdminApiSettings(DirectorySettings, AuditTrailSettings, FlowSettings, TimedSettings):
    mailbox_table: str
    inbound_bucket: str
    mail_bucket: str
    api_trail_log_group: str
    inbound_topic_arn: Arn
    receipt_rule_set_name: str
    stack_key_arn: Arn
    test_domain_suffix: str
    record_events_role_arn: Arn
    availability_secret_prefix: str
    private_ews_servers: PrivateServers
    private_smtp_gateways: PrivateGateways
    role_passers: Principals
    first_administrators: Principals
    query_availability_function: str
    submit_function: str
    export_role_arns: str
    plan_export_queue_url: Url
    seal_export_queue_url: Url
    import_role_arn: Arn
    import_mailbox_queue_url: Url
    postroom_first_organization_id: str | None = None


@ready
def build(settings: AdminApiSettings) -> Callable[[Mapping[str, Any], str], Answered]:
    """Return the function that answers an event, given the invocation's own request id."""
    return partial(_answer, context(settings))


def context(settings: AdminApiSettings) -> Context:
    """Return the ports and settings that operations use."""
    table = DirectoryTable(clients.dynamodb(), settings.directory_table)
    own, s3 = _admin_settings(settings), clients.later(clients.s3)
    return Context(
        directory=DynamoDirectory(table),
        mailboxes=DynamoMailboxHeads(clients.dynamodb(), settings.mailbox_table),
        mailbox_keys=KmsMailboxKeys(clients.later(clients.kms), time.monotonic),
        domain_services=_domain_services(settings, table),
        organization_keys=KmsOrganizationKeys(clients.later(clients.kms)),
        audit_targets=AwsAuditTargets(clients.later(clients.logs), s3, clients.later(clients.firehose), own.region),
        log_targets=AwsLogTargets(clients.later(clients.iam), clients.later(clients.logs)),
        role_arns=IamRoleArns(clients.later(clients.iam), time.monotonic),
        audit_trail=audit_parts.trail(settings),
        passwords=Argon2Passwords(),
        rule_sets=S3RuleSets(s3, settings.inbound_bucket),
        # read anew each time: a refused caller gives the permission and asks again at once
        function_policies=LambdaFunctionPolicies(clients.later(clients.function_policies), time.monotonic, cache_s=0),
        gateway_passwords=KmsGatewayPasswords(clients.later(clients.kms), settings.stack_key_arn),
        availability_passwords=_availability_passwords(settings, table),
        provider_tests=LambdaAvailabilityQueries(
            clients.later(clients.availability_queries), settings.query_availability_function
        ),
        export_buckets=AwsExportBuckets(s3, own.region, own.account),
        import_objects=S3ImportObjects(s3, own.account),
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        submits=LambdaSubmits(clients.later(clients.submissions), settings.submit_function),
        settings=own,
        new_uuid=lambda: str(uuid.uuid4()),
        random_bytes=secrets.token_bytes,
    )


def _domain_services(settings: AdminApiSettings, table: DirectoryTable) -> SesDomainServices:
    receipt = ReceiptSettings(
        rule_set=settings.receipt_rule_set_name, bucket=settings.inbound_bucket, topic_arn=settings.inbound_topic_arn
    )
    return SesDomainServices(clients.later(clients.ses), clients.later(clients.ses_v2), Leases(table), receipt)


def _admin_settings(settings: AdminApiSettings) -> AdminSettings:
    # arn:<partition>:kms:<region>:<account>:key/<id>
    _, partition, _, region, account, _ = settings.stack_key_arn.split(":", 5)
    return AdminSettings(
        partition=partition,
        region=region,
        account=account,
        stack_key_arn=settings.stack_key_arn,
        test_domain_suffix=settings.test_domain_suffix.lower(),
        record_events_role_arn=settings.record_events_role_arn,
        private_servers=settings.private_ews_servers,
        private_gateways=settings.private_smtp_gateways,
        role_passers=settings.role_passers,
        export_role_arns=tuple(settings.export_role_arns.split(",")),
        import_role_arn=settings.import_role_arn,
        first_administrators=settings.first_administrators,
        impersonation_token_s=settings.shortened_s(TOKEN_SECONDS),
        own_targets=frozenset({settings.inbound_bucket, settings.mail_bucket, settings.api_trail_log_group}),
        first_organization_id=settings.postroom_first_organization_id,
    )


def _availability_passwords(settings: AdminApiSettings, table: DirectoryTable) -> SecretsManagerPasswords:
    removal = SecretsManagerRemoval(clients.later(clients.secrets_manager), settings.availability_secret_prefix)
    return SecretsManagerPasswords(removal, Leases(table), settings.stack_key_arn)


def _answer(context: Context, event: Mapping[str, Any], request_id: str) -> Answered:
    return trail.answer(event, context, now=now_ms(), request_id=request_id)
