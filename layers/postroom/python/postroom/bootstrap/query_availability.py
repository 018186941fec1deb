"""Wiring of functions/query_availability."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.availability_functions import RegionalFunctionPolicies, RegionalFunctions
from postroom.adapters.aws.availability_passwords import SecretsManagerReads
from postroom.adapters.aws.calendars import DynamoCalendars
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.ews_servers import HttpsEwsServers
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.availability.cache import Cache
from postroom.availability.cap import CapCaller
from postroom.availability.ews import EwsCaller
from postroom.availability.internal import InternalMailboxes
from postroom.availability.provider_test import ProviderTesting
from postroom.availability.providers import Providers
from postroom.availability.query import AvailabilityQuery
from postroom.availability.rests import Rests
from postroom.availability.station import Availability
from postroom.bootstrap import parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import DirectorySettings, FlowSettings
from postroom.calendar_store.busy import StoredBusy
from postroom.model.availability import EwsProvider, LambdaProvider

if TYPE_CHECKING:
    from postroom.bootstrap.settings import Certificates
    from postroom.model.private_servers import PrivateServers


class QueryAvailabilitySettings(DirectorySettings, FlowSettings):
    account_id: str
    availability_secret_prefix: str
    mailbox_table: str
    private_ews_servers: PrivateServers
    private_ews_certificates: Certificates


@ready
def build(settings: QueryAvailabilitySettings) -> Availability:
    policies = clients.function_policies()
    region, partition = policies.meta.region_name, policies.meta.partition
    table = DirectoryTable(clients.dynamodb(), settings.directory_table)
    addressees, directory = DynamoAddressees(table), DynamoDirectory(table)
    functions = CapCaller(
        functions=RegionalFunctions(clients.availability_functions),
        policies=RegionalFunctionPolicies(clients.function_policies_in, time.monotonic),
        region=region,
        account=settings.account_id,
        now=now_ms,
    )
    # read anew each time: after a failed test an administrator gives the permission and tests again at once
    newest = RegionalFunctionPolicies(clients.function_policies_in, time.monotonic, cache_s=0)
    passwords = SecretsManagerReads(clients.later(clients.secrets_manager), settings.availability_secret_prefix)
    https = HttpsEwsServers(settings.private_ews_servers, settings.private_ews_certificates)
    servers = EwsCaller(https, passwords, now_ms)

    def organization_arn(organization_id: str) -> str:
        return f"arn:{partition}:workmail:{region}:{settings.account_id}:organization/{organization_id}"

    return Availability(
        query=AvailabilityQuery(
            directory=addressees,
            configurations=directory,
            internal=InternalMailboxes(addressees, _calendars(settings), directory),
            providers=Providers(
                callers={LambdaProvider: functions, EwsProvider: servers},
                cache=Cache(now_ms),
                rests=Rests(now_ms),
                transit=parts.transit(settings),
                now=now_ms,
                new_id=lambda: uuid.uuid4().hex,
            ),
            organization_arn=organization_arn,
        ),
        testing=ProviderTesting(replace(functions, policies=newest), servers, organization_arn, now_ms),
    )


def _calendars(settings: QueryAvailabilitySettings) -> StoredBusy:
    calendars = DynamoCalendars(
        clients.dynamodb(), settings.mailbox_table, settings.transit_table, settings.ledger_table, now_ms
    )
    return StoredBusy(calendars, KmsMailboxKeys(clients.later(clients.kms), time.monotonic))
