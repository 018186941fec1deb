"""The running stack: where it is, the settings of its functions, and the tools that work on it.

Found by the environment that `up` exports, or else by `.postroom/env`, which `up` writes. Names of tables, buckets and
queues are read from the functions' configuration, through the Lambda service, so that they need not be exported.
"""

from __future__ import annotations

import json
import os
import shlex
from collections import ChainMap
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from cli.errors import RefusedError
from cli.repository import STACK_NAME, repository_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botocore.session import Session

    from postroom.bootstrap.operator import Operator

FUNCTIONS: Final = (
    "IngestFunction",
    "DeliverFunction",
    "RecordEventsFunction",
    "ParkFunction",
    "SweepFunction",
    "WriteAuditDigestsFunction",
    "WriteAuditLogFunction",
)
"""Functions whose variables together are the operator's settings."""

CLIENT: Final = repository_root() / "layers" / "workmail_client" / "botocore"
"""The folder for AWS_DATA_PATH that teaches clients our operations."""

OUTPUTS: Final = {
    "DirectoryTableName": "DIRECTORY_TABLE",
    "LedgerTableName": "LEDGER_TABLE",
    "TransitTableName": "TRANSIT_TABLE",
    "MailboxTableName": "MAILBOX_TABLE",
    "InboundBucketName": "INBOUND_BUCKET",
    "MailBucketName": "MAIL_BUCKET",
    "AuditSigningKeyArn": "AUDIT_SIGNING_KEY_ARN",
}
"""Outputs of a deployed stack, with the settings that they are."""

ANSWER_SECONDS: Final = 30
"""How long the Lambda service may take to return a function's configuration."""

START: Final = "start it with: ./scripts/postroom up"


@dataclass(frozen=True, slots=True)
class Stack:
    """One running stack."""

    variables: dict[str, str]
    """The environment under which clients find it; the process has it too."""

    @property
    def smtp(self) -> tuple[str, int]:
        """Host and port of SES's SMTP listener.

        Raises:
            RefusedError: the environment does not say.
        """
        host, colon, port = self.variables.get("POSTROOM_SMTP", "").rpartition(":")
        if not (colon and port.isdigit()):
            raise RefusedError(f"POSTROOM_SMTP is not set to HOST:PORT; {START}")
        return host.strip("[]"), int(port)

    def client(self, service: str) -> Any:
        """Return a client that gives up soon if there is no answer, and knows our operations."""
        from botocore.config import Config

        # A function may run for minutes, and invoking it twice would be wrong.
        read_timeout_s = 900 if service == "lambda" else 30
        config = Config(connect_timeout=3, read_timeout=read_timeout_s, retries={"total_max_attempts": 1})
        make: Any = session().create_client  # its stub knows no services
        return make(service, config=config)

    def settings(self) -> Mapping[str, str]:
        """Return the variables of the stack's functions together; they are read when they are needed."""
        return FunctionVariables(self.variables.get("AWS_ENDPOINT_URL_LAMBDA") or self.variables["AWS_ENDPOINT_URL"])

    def operator(self) -> Operator:
        """Return the operator's tools for this stack."""
        from postroom.bootstrap import operator

        return operator.build(ChainMap(cast("dict[str, str]", self.settings()), os.environ))


@dataclass(frozen=True, slots=True)
class DeployedStack(Stack):
    """A stack that CloudFormation has made, under the credentials and in the Region of the environment."""

    name: str

    def settings(self) -> Mapping[str, str]:
        """Return the settings that the stack's outputs are.

        Raises:
            RefusedError: there is no stack of this name.
        """
        from botocore.exceptions import ClientError

        try:
            (found,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # CloudFormation's "does not exist"
                raise RefusedError(f"there is no stack {self.name} in this account and Region") from error
            raise
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
        return {setting: outputs[output] for output, setting in OUTPUTS.items() if output in outputs}


class FunctionVariables(Mapping[str, str]):
    """The variables of ``FUNCTIONS``; a function is asked when a name is looked up that no function before it has.

    It uses a plain HTTP connection: a client of the Lambda service takes longer to make than the answers take.
    """

    def __init__(self, url: str) -> None:
        """Keep where the Lambda service is; ask nothing yet."""
        self._url = url
        self._left = list(FUNCTIONS)
        self._known: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """Return a variable.

        Raises:
            KeyError: no function has it.
            RefusedError: there is no answer, or a function is not there.
        """
        while name not in self._known and self._left:
            self._known = {**self._ask(self._left.pop(0)), **self._known}
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Yield every name."""
        while self._left:
            self._known = {**self._ask(self._left.pop(0)), **self._known}
        return iter(self._known)

    def __len__(self) -> int:
        """Return how many names there are."""
        return sum(1 for _ in self)

    def _ask(self, function: str) -> dict[str, str]:
        parts = urlsplit(self._url)
        connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", f"/2015-03-31/functions/{STACK_NAME}-{function}/configuration")
            response = connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, HTTPException) as error:
            raise RefusedError(f"the stack does not answer ({self._url}); {START}") from error
        finally:
            connection.close()
        if status != HTTPStatus.OK:
            raise RefusedError(f"{self._url} has no function {STACK_NAME}-{function} (status {status}); {START}")
        variables: dict[str, str] = json.loads(answer).get("Environment", {}).get("Variables", {})
        return variables


@cache
def session() -> Session:
    """Return a session whose clients know our operations, whatever AWS_DATA_PATH says besides.

    It is botocore's: boto3 also imports resources and transfer managers, which no command uses.
    """
    import botocore.session

    made = botocore.session.get_session()
    others = made.get_config_variable("data_path")
    made.set_config_variable("data_path", os.pathsep.join([str(CLIENT), *([others] if others else [])]))
    return made


def workmail() -> Any:
    """Return a client of the admin API: the one that AWS_ENDPOINT_URL_WORKMAIL names, or the running stack's.

    Raises:
        RefusedError: neither is there.
    """
    named = os.environ.get("AWS_ENDPOINT_URL_WORKMAIL")
    return (Stack(dict(os.environ)) if named else find()).client("workmail")


def find(root: Path | None = None) -> Stack:
    """Return the running stack, and give this process its environment.

    Args:
        root: the checkout whose ``.postroom/env`` is read where the environment names no stack.

    Raises:
        RefusedError: neither names one.
    """
    if not os.environ.get("AWS_ENDPOINT_URL"):
        exports = (root or repository_root()) / ".postroom" / "env"
        try:
            os.environ.update(read_exports(exports.read_text("utf-8")))
        except FileNotFoundError as error:
            raise RefusedError(f"no stack is running here; {START}") from error
    return Stack(dict(os.environ))


def named(stack: str | None) -> Stack:
    """Return a deployed stack by its name, or else the running one."""
    return DeployedStack(dict(os.environ), stack) if stack else find()


def read_exports(text: str) -> dict[str, str]:
    """Read shell exports: ``export NAME=value``, one a line, quoted as the shell wants it."""
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        for word in words[1:] if words[:1] == ["export"] else words:
            name, equals, value = word.partition("=")
            if equals:
                pairs[name] = value
    return pairs


@contextmanager
def refusals() -> Iterator[None]:
    """Turn errors of stations, clients and sockets into one line for a person.

    Raises:
        RefusedError: in place of the error.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, EndpointConnectionError  # noqa: A004

    from postroom.errors import PostroomError

    try:
        yield
    except (EndpointConnectionError, ConnectionError) as error:
        raise RefusedError(f"the stack does not answer ({_where(error)}); {START}") from error
    except PostroomError as error:
        if isinstance(error.__cause__, EndpointConnectionError | ConnectionError):
            raise RefusedError(f"the stack does not answer ({_where(error.__cause__)}); {START}") from error
        raise RefusedError(error.cause) from error
    except ClientError as error:
        said = error.response.get("Error", {})
        raise RefusedError(f"{error.operation_name}: {said.get('Code', '?')}: {said.get('Message', '')}") from error
    except BotoCoreError as error:
        raise RefusedError(" ".join(str(error).split())) from error


def _where(error: Exception) -> str:
    return str(getattr(error, "kwargs", {}).get("endpoint_url", "no connection"))
