"""SMTP gateways, as the functions that send through them are wired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.gateway_passwords import KmsGatewayPasswords
from postroom.adapters.aws.smtp_relays import REST_S, SocketSmtpRelays
from postroom.bootstrap.clock import monotonic_s
from postroom.bootstrap.settings import TimedSettings

if TYPE_CHECKING:
    from postroom.bootstrap.settings import Arn, Certificates
    from postroom.model.private_gateways import PrivateGateways
    from postroom.ports.smtp_relays import SmtpRelays


class RelaySettings(TimedSettings):
    stack_key_arn: Arn
    private_smtp_gateways: PrivateGateways
    private_smtp_certificates: Certificates


def relays(settings: RelaySettings) -> SmtpRelays:
    """Return the gateways; clients are made with the first connection."""
    return SocketSmtpRelays(
        KmsGatewayPasswords(clients.later(clients.kms), settings.stack_key_arn),
        settings.private_smtp_gateways,
        settings.private_smtp_certificates,
        clock=monotonic_s,
        rest_s=settings.shortened_s(REST_S),
    )
