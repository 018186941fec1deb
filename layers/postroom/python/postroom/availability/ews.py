"""Calls of EWS servers of other organizations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.availability.asking import Reply
from postroom.availability.rests import LONG_REST_MS, REST_MS
from postroom.errors import KeyUnavailableError, StoreUnavailableError
from postroom.model.availability import EwsProvider
from postroom.model.free_busy import FailureCode
from postroom.ports.ews_servers import ServerFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.availability.asking import Asking
    from postroom.model.records import AvailabilityConfiguration
    from postroom.ports.availability_passwords import AvailabilityPasswordReads
    from postroom.ports.ews_servers import EwsServers

NO_PASSWORD = "the password of the EWS server is gone; update the configuration"  # noqa: S105 - a text about one


@dataclass(frozen=True, slots=True)
class EwsCaller:
    """Implements ``Caller``. ``now`` returns milliseconds since the epoch."""

    servers: EwsServers
    passwords: AvailabilityPasswordReads
    now: Callable[[], int]

    def ask(self, configuration: AvailabilityConfiguration, asking: Asking) -> Reply:
        """Read the password that belongs to the configuration, and call the server."""
        assert isinstance(configuration.provider, EwsProvider)  # noqa: S101 - the caller is chosen by this type
        begun = self.now()
        try:
            password = self.password(configuration.organization_id, configuration.domain, configuration.provider)
        except StoreUnavailableError as error:
            return Reply({}, FailureCode.SERVER_BUSY, "cannot be reached at the moment", str(error))
        if password is None:
            code = FailureCode.FREE_BUSY_GENERATION_FAILED
            return Reply({}, code, "cannot be asked: its password is gone", NO_PASSWORD)
        window = (asking.start_ms, asking.end_ms)
        found = self.servers.free_busy(configuration.provider, password, asking.mailboxes, *window)
        data = {"milliseconds": self.now() - begun}
        if isinstance(found, ServerFailure):
            rest_ms = LONG_REST_MS if found.code is FailureCode.TIMEOUT_EXPIRED else REST_MS
            return Reply({}, found.code, "did not answer as it should", found.message, rest_ms, data)
        return Reply(dict(zip(asking.mailboxes, found, strict=True)), data=data)

    def password(self, organization_id: str, domain: str, provider: EwsProvider) -> str | None:
        """Return the password that belongs to a configured provider; ``None`` if it cannot be had any more.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        try:
            return self.passwords.password(organization_id, domain, provider.password_version)
        except KeyUnavailableError:
            return None
