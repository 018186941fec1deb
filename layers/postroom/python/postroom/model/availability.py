"""Providers of free/busy information for domains whose calendars are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EwsProvider:
    """An EWS server that is asked with basic authentication.

    Attributes:
        endpoint: https URL; its host is public by ``model.public_hosts``. The host may still resolve to a private
            address, so code that connects must check the address.
        user_name: without a colon or control characters (RFC 7617, 2).
        password_version: version of the password in ``AvailabilityPasswords`` that belongs to this endpoint and user.
    """

    endpoint: str
    user_name: str
    password_version: str


@dataclass(frozen=True, slots=True)
class LambdaProvider:
    """A custom availability provider (CAP): a function of any account and Region."""

    function_arn: str


Provider = EwsProvider | LambdaProvider
