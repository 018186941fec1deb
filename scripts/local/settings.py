"""The options of `postroom up`, and the account, Region and credentials of everything local."""

from __future__ import annotations

import os
import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cli.errors import UsageError
from cli.repository import ORGANIZATION_ID, STACK_NAME, repository_root
from postroom.model.private_gateways import PrivateGateways
from postroom.model.private_servers import PrivateServers

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT: Final = "123456789012"
"""The account of everything local. Source: local-stack.md."""

REGION: Final = "us-east-1"

CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""What emulators accept; never a real key. Source: local-stack.md."""

_RANDOM: Final = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class UpSettings:
    """The options of `postroom up`; ports of 0 mean any free one."""

    emulator: str = "moto"
    host: str = "127.0.0.1"
    port: int = 4566
    smtp_port: int = 2525
    submission_port: int | None = None
    """Where mail clients submit, with STARTTLS; None: nowhere. `up` itself has it, and stacks of tests that need it."""
    submissions_port: int | None = None
    """The same, with TLS from the first byte."""
    speed: int = 1
    ses_headers: bool = True
    functions: tuple[Path, ...] = ()
    env_vars: Path | None = None
    parameter_overrides: tuple[str, ...] = ()
    organization_id: str = ""
    private_ews_servers: tuple[str, ...] = ()
    private_ews_certificates: Path | None = None
    private_smtp_gateways: tuple[str, ...] = ()
    private_smtp_certificates: Path | None = None
    stack_name: str = STACK_NAME
    random_names: bool = False
    """Whether physical names end as CloudFormation's do; `up` itself has plain ones, which people can type."""
    root: Path = field(default_factory=repository_root)

    def __post_init__(self) -> None:
        """Check the organization's id, the EWS servers and the SMTP gateways.

        Raises:
            UsageError: one of them is none, or the certificates cannot be read.
        """
        if self.organization_id and not ORGANIZATION_ID.fullmatch(self.organization_id):
            raise UsageError("--organization-id: an organization's id is m- and 32 hexadecimal digits in lower case")
        for origin in self.private_ews_servers:
            try:
                PrivateServers.read(origin)
            except ValueError as error:
                raise UsageError("--private-ews-server: an origin is like https://HOST or https://HOST:PORT") from error
        for gateway in self.private_smtp_gateways:
            try:
                PrivateGateways.read(gateway)
            except ValueError as error:
                raise UsageError("--private-smtp-gateway: a gateway is like HOST:PORT") from error
        for option, file in (
            ("--private-ews-certificates", self.private_ews_certificates),
            ("--private-smtp-certificates", self.private_smtp_certificates),
        ):
            if file:
                _check_certificates(option, file)

    def variables(self, own_front: str) -> dict[str, str]:
        """Return variables of our own functions on this stack.

        Args:
            own_front: origin of the stack's own EWS front, which may be the provider of a domain, too.
        """
        variables = {
            "POSTROOM_SPEED": str(self.speed),
            "POSTROOM_FIRST_ORGANIZATION_ID": self.organization_id,
            "PRIVATE_EWS_SERVERS": ",".join([own_front, *self.private_ews_servers]),
            "PRIVATE_EWS_CERTIFICATES": _text(self.private_ews_certificates),
            "PRIVATE_SMTP_GATEWAYS": ",".join(self.private_smtp_gateways),
            "PRIVATE_SMTP_CERTIFICATES": _text(self.private_smtp_certificates),
        }
        return {name: value for name, value in variables.items() if value}

    def suffix(self) -> str:
        """Return the end of a resource's physical name: with random names, another one for each."""
        return f"-{''.join(secrets.choice(_RANDOM) for _ in range(12))}" if self.random_names else ""

    @property
    def state(self) -> Path:
        """The folder for what a run writes: env, logs, outbox, customers' packages. Not tracked by git."""
        return self.root / ".postroom"

    @property
    def reach(self) -> str:
        """The host name under which this machine reaches the listeners."""
        return "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104


def _text(file: Path | None) -> str:
    return file.read_text(encoding="ascii") if file else ""


def _check_certificates(option: str, file: Path) -> None:
    from postroom.adapters.aws.tls_contexts import der
    from postroom.errors import SettingsError

    if not file.is_file():
        raise UsageError(f"{option}: {file} is no file")
    try:
        der(file.read_text(encoding="ascii"), "the file")
    except OSError as error:
        raise UsageError(f"{option}: {file}: {error.strerror}") from error
    except (UnicodeDecodeError, SettingsError) as error:
        raise UsageError(f"{option}: {file} is not PEM of certificates alone") from error


def function_arn(name: str) -> str:
    """Return the local ARN of a function."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def endpoint_variables(emulator_url: str) -> dict[str, str]:
    """Return the endpoint variables for the emulator, keeping those that the caller's environment sets per service.

    Source: local-stack.md, "a service endpoint that is already set in the environment is kept".
    """
    ours = ("LAMBDA", "WORKMAIL", "WORKMAILMESSAGEFLOW")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("AWS_ENDPOINT_URL_") and not name.endswith(ours)
    }
    return {"AWS_ENDPOINT_URL": emulator_url, **kept}
