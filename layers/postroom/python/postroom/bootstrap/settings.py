"""Settings: the variables of a function as typed values, read once when it starts. Nothing else reads them.

The settings of a function are a subclass of ``Settings`` with one field per variable. The field has the variable's name
in lower case, and its annotation says what the variable's text must be:

    str    any text
    Arn    an ARN
    Url    an http or https URL
    bool   a switch: ENABLED or DISABLED
    int    a whole number of at least 1
    PrivateServers    origins of EWS servers, separated by commas; or NONE
    PrivateGateways   SMTP gateways as HOST:PORT, separated by commas; or NONE
    Principals        ARNs of callers, separated by commas; ANY; or NONE
    Certificates      PEM of certificates, with any white space for line ends; or NONE

template.yaml sets the variable of every field without a default. Only a local stack sets the variable of a field with
a default; ``| None`` in an annotation allows the default None.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Final, Never, NewType, Self, dataclass_transform

from postroom.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.model.principals import Principals
    from postroom.model.private_gateways import PrivateGateways
    from postroom.model.private_servers import PrivateServers

Arn = NewType("Arn", str)
Url = NewType("Url", str)
Certificates = NewType("Certificates", str)


def _arn(text: str) -> Arn:
    if not text.startswith("arn:") or text.count(":") < 5:
        raise ValueError
    return Arn(text)


def _url(text: str) -> Url:
    if not text.startswith(("https://", "http://")):
        raise ValueError
    return Url(text)


def _switch(text: str) -> bool:
    return {"ENABLED": True, "DISABLED": False}[text]


def _private_servers(text: str) -> PrivateServers:
    from postroom.model.private_servers import PrivateServers  # few functions have this setting

    return PrivateServers.read(text)


def _private_gateways(text: str) -> PrivateGateways:
    from postroom.model.private_gateways import PrivateGateways  # few functions have this setting

    return PrivateGateways.read(text)


def _principals(text: str) -> Principals:
    from postroom.model.principals import Principals  # few functions have this setting

    return Principals.read(text)


def _certificates(text: str) -> Certificates:
    if text != "NONE" and not text.lstrip().startswith("-----BEGIN CERTIFICATE-----"):
        raise ValueError
    return Certificates(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError
    return int(text)


KINDS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "str": ("a text", str),
    "Arn": ("an ARN", _arn),
    "Url": ("an http or https URL", _url),
    "bool": ("ENABLED or DISABLED", _switch),
    "int": ("a whole number of at least 1", _number),
    "PrivateServers": ("NONE, nor origins like https://HOST or https://HOST:PORT", _private_servers),
    "PrivateGateways": ("NONE, nor SMTP gateways as HOST:PORT", _private_gateways),
    "Principals": ("ANY, NONE, nor ARNs separated by commas", _principals),
    "Certificates": ("NONE, nor PEM of certificates", _certificates),
}
"""By annotation: the form of the variable's text, in words, and the function that reads it."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Settings:
    """Base of all settings. It does not use dataclasses: each would add half a millisecond to a start."""

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"{name}: settings do not change")

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return each variable's name with its field's annotation, those of base classes first."""
        bases = reversed(cls.__mro__[:-1])
        return {field.upper(): kind for base in bases for field, kind in base.__annotations__.items()}

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read every field's variable; an empty or blank one counts as not set.

        Args:
            variables: the process's environment, unless given.

        Raises:
            SettingsError: variables are missing or malformed.
        """
        variables = os.environ if variables is None else variables
        values: dict[str, object] = {}
        missing, faults = [], []
        for name, annotation in cls.variables().items():
            field, text = name.lower(), variables.get(name, "")
            words, parse = KINDS[annotation.removesuffix(" | None")]
            if not text or text.isspace():
                if not hasattr(cls, field):
                    missing.append(name)
                continue
            try:
                values[field] = parse(text)
            except (KeyError, ValueError):
                faults.append(f"{name} is not {words}")
        if missing:
            faults.insert(0, f"not set: {', '.join(missing)}")
        if faults:
            raise SettingsError(f"{cls.__name__}: {'; '.join(faults)} (template.yaml sets the variables of functions)")
        return cls(**values)


class DirectorySettings(Settings):
    """Of functions that read the directory."""

    directory_table: str


class LedgerSettings(Settings):
    """Of functions that read the ledger."""

    ledger_table: str


class FlowSettings(LedgerSettings):
    """Of functions that change flows: a transaction writes transit and the ledger."""

    transit_table: str


class TimedSettings(Settings):
    """Of functions with delays or expiry. A local stack divides these by its speed."""

    postroom_speed: int = 1

    def shortened_s(self, seconds: float) -> int:
        """Return a delay or expiry, divided by the speed and rounded up to whole seconds."""
        return math.ceil(seconds / self.postroom_speed)

    def shortened_ms(self, milliseconds: float) -> int:
        """Return a delay or expiry, divided by the speed and rounded up to whole seconds, in milliseconds."""
        return self.shortened_s(milliseconds / 1000) * 1000


class AuditTrailSettings(Settings):
    """Of functions that leave audit records."""

    audit_queue_url: Url


class MetricsSettings(Settings):
    """Of functions that record metrics of the stack."""

    metrics_namespace: str


class OrganizationMetricsSettings(MetricsSettings):
    """Of functions that count what happens in organizations."""

    organization_metrics: bool


class BatchSettings(FlowSettings, MetricsSettings):
    """Of functions that read queues: attempts are counted in transit, failed records are a metric."""


class QueueSettings(BatchSettings):
    """Of functions that read the queue of a station, and give up messages that fail too often."""

    dead_letter_queue_url: Url


class CountedTrailSettings(AuditTrailSettings, OrganizationMetricsSettings):
    """Of functions that decide about access: they count the records that they leave."""


class AuditDeliveriesSettings(DirectorySettings):
    """Of functions that read the deliveries of audit records, and for how many seconds they may keep them."""

    audit_settings_cache_s: int


class StationSettings(DirectorySettings, FlowSettings, TimedSettings):
    """Of stations that park, read the directory, and send to other stations or wait."""


class OrderQueueSettings(Settings):
    """Of functions that send orders of every kind: the URL of each queue in ``STATIONS`` that gets orders."""

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return the variables of the fields, and those of the queues."""
        from postroom.contracts.orders import STATIONS  # functions that send no orders start without it

        return super().variables() | {station.queue: "Url" for station in STATIONS.values() if station.orders}
