"""The only module that makes clients of AWS: when they are first used, once, with timeouts below the functions' own.

botocore makes them, as boto3 does. boto3's own package would add resources and transfer managers, which are not used,
and a tenth to every start (docs/decisions/0012).

Retries are botocore's standard mode, with three attempts: a queue or a caller retries afterwards. Endpoints come from
the usual environment variables, so the same code runs against AWS, moto and LocalStack. All timeouts are in seconds.
"""

# mypy: disable-error-code="no-any-return"
# botocore's stub types every client as Any; the return types here come from the stubs of each service.

from __future__ import annotations

import os
from functools import cache, lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

    from postroom.adapters.aws.availability_passwords import SecretsManagerClient
    from postroom.adapters.aws.domain_services import FeedbackClient
    from postroom.adapters.aws.outgoing import SesV2Client

_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

_ONE_OF_MANY = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
"""For batches with many organizations: a service that does not answer costs at most 15 seconds."""


MAX_REGIONS: Final = 40
"""Most Regions whose clients are kept; a configuration may name any text of the form of one. Ours."""

_MAKING: Final = Lock()
"""A session makes one client at a time; query_availability uses clients for the first time in several threads."""


@cache
def session() -> botocore.session.Session:
    """Return the session of all clients: its environment, credentials, and event handlers that a tool may add."""
    return botocore.session.get_session()


def _made(service: str, config: Config, **more: str) -> Any:
    make: Any = session().create_client  # its stub has no type per service
    with _MAKING:
        return make(service, config=config, **more)


@cache
def dynamodb() -> DynamoDBClient:
    """Return the client for tables."""
    return _made("dynamodb", _CONFIG)


def _s3_config() -> Config:
    return _CONFIG.merge(
        Config(
            read_timeout=30,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # an emulator has no host name per bucket
            s3={"addressing_style": "path" if "AWS_ENDPOINT_URL" in os.environ else "virtual"},
        )
    )


@cache
def s3() -> S3Client:
    """Return the client for raw and sealed mail; it sends checksums only if the operation requires one."""
    return _made("s3", _s3_config())


@cache
def audit_buckets() -> S3Client:
    """Return the client for buckets with audit records, each of another customer."""
    return _made("s3", _s3_config().merge(_ONE_OF_MANY))


@cache
def s3_for_many() -> S3Client:
    """Return a client for sealed mail that is read ahead: a connection for each thread."""
    return _made("s3", _s3_config().merge(Config(max_pool_connections=32)))


def s3_as(credentials: CredentialsTypeDef) -> S3Client:
    """Return a new client for archives that are written in a customer's role; the caller keeps it."""
    return _made(
        "s3",
        _s3_config().merge(Config(read_timeout=120)),  # S3 may take long to put many parts together
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


@cache
def sqs() -> SQSClient:
    """Return the client for queues."""
    return _made("sqs", _CONFIG)


@cache
def kms() -> KMSClient:
    """Return the client for mailbox keys."""
    return _made("kms", _CONFIG)


@cache
def logs() -> CloudWatchLogsClient:
    """Return the client for event logs written under our own role."""
    return _made("logs", _ONE_OF_MANY)


def logs_as(credentials: CredentialsTypeDef) -> CloudWatchLogsClient:
    """Return a new client for event logs that are written in a customer's role; the caller keeps it."""
    return _made(
        "logs",
        _ONE_OF_MANY,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


@cache
def events() -> EventBridgeClient:
    """Return the client for the event bus."""
    return _made("events", _ONE_OF_MANY)


@cache
def firehose() -> FirehoseClient:
    """Return the client for Firehose streams with audit records."""
    return _made("firehose", _ONE_OF_MANY)


@cache
def sts() -> STSClient:
    """Return the client that assumes customers' roles."""
    return _made("sts", _ONE_OF_MANY)


@cache
def iam() -> IAMClient:
    """Return the client that reads the trust of customers' roles."""
    return _made("iam", _CONFIG)


@cache
def secrets_manager() -> SecretsManagerClient:
    """Return the client for passwords of availability providers."""
    return _made("secretsmanager", _CONFIG)


@cache
def ses() -> SESClient:
    """Return the client for identities and receipt rules."""
    return _made("ses", _CONFIG)


@cache
def ses_v2() -> FeedbackClient:
    """Return the client for what only SES's API v2 does with identities."""
    return _made("sesv2", _CONFIG)


T = TypeVar("T")


class _Later:
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def later(make: Callable[[], T]) -> T:
    """Return a proxy that makes the client at its first use, for services that most invocations never call."""
    return cast("T", _Later(make))


@cache
def ses_sending() -> SESClient:
    """Return the client that sends mail, with one attempt: a second attempt may send twice."""
    return _made("ses", _CONFIG.merge(Config(read_timeout=20, retries={"total_max_attempts": 1})))


@cache
def ses_v2_sending() -> SesV2Client:
    """Return the client that sends what users submit, with one attempt: a second attempt may send twice.

    A message of 40 MB takes long to arrive, and SES reads all of it before it answers.
    """
    return _made("sesv2", _CONFIG.merge(Config(read_timeout=60, retries={"total_max_attempts": 1})))


@cache
def rule_functions() -> LambdaClient:
    """Return the client that calls customers' functions, with one attempt and a rule's timeout of 15 seconds."""
    return _made("lambda", Config(connect_timeout=3, read_timeout=15, retries={"total_max_attempts": 1}))


@cache
def function_policies() -> LambdaClient:
    """Return the client that reads the resource policies of functions."""
    return _made("lambda", _ONE_OF_MANY)


@lru_cache(maxsize=MAX_REGIONS)
def availability_functions(region: str) -> LambdaClient:
    """Return the client that calls availability providers in a Region: one attempt, and WorkMail's 25 seconds.

    A question has up to 100 providers, each with a connection of its own. Source: guide, ZH:3093.
    """
    config = Config(connect_timeout=3, read_timeout=25, max_pool_connections=100, retries={"total_max_attempts": 1})
    return _made("lambda", config, region_name=region)


@lru_cache(maxsize=MAX_REGIONS)
def function_policies_in(region: str) -> LambdaClient:
    """Return the client that reads the resource policies of functions in a Region."""
    return _made("lambda", _ONE_OF_MANY, region_name=region)


@cache
def availability_queries() -> LambdaClient:
    """Return the client that calls query_availability: one attempt, and longer than that function takes."""
    return _made("lambda", Config(connect_timeout=1, read_timeout=27, retries={"total_max_attempts": 1}))


@cache
def submissions() -> LambdaClient:
    """Return the client that calls submit: one attempt, and nearly as long as that function takes."""
    return _made("lambda", Config(connect_timeout=1, read_timeout=27, retries={"total_max_attempts": 1}))


def forget() -> None:
    """Drop every client, so that new ones are made: for tests that change the environment."""
    for made in (
        session,
        dynamodb,
        s3,
        audit_buckets,
        s3_for_many,
        sqs,
        kms,
        logs,
        events,
        firehose,
        sts,
        iam,
        secrets_manager,
        ses,
        ses_v2,
        ses_sending,
        ses_v2_sending,
        rule_functions,
        function_policies,
        availability_functions,
        function_policies_in,
        availability_queries,
        submissions,
    ):
        made.cache_clear()
