"""The stack that is running: where it is, what its functions are told, and the tools that work on it.

Found by the environment that `up` exports, or else by `.postroom/env`, which `up` writes. Names of tables, buckets and
queues are asked of the functions themselves, through the Lambda service, so that nobody has to export them.
"""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from local.errors import RefusedError
from local.settings import STACK_NAME, repository_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from boto3.session import Session

    from postroom.bootstrap.operator import Operator

FUNCTIONS: Final = ("IngestFunction", "DeliverFunction", "RecordEventsFunction", "ParkFunction", "SweepFunction")
"""Whose variables, together, are the operator's settings."""

CLIENT: Final = repository_root() / "layers" / "workmail_client" / "botocore"
"""The folder for AWS_DATA_PATH that teaches clients our operations."""

START: Final = "start it with: ./scripts/postroom up"


@dataclass(frozen=True, slots=True)
class Stack:
    """One running stack."""

    variables: dict[str, str]
    """The environment under which clients find it; the process has it too."""

    @property
    def smtp(self) -> tuple[str, int]:
        """Host and port of the Internet's side of SES.

        Raises:
            RefusedError: the environment does not say.
        """
        host, colon, port = self.variables.get("POSTROOM_SMTP", "").rpartition(":")
        if not (colon and port.isdigit()):
            raise RefusedError(f"POSTROOM_SMTP is not set to HOST:PORT; {START}")
        return host.strip("[]"), int(port)

    def client(self, service: str) -> Any:
        """Return a boto3 client that gives up soon where nobody answers, and knows our operations."""
        from botocore.config import Config

        # A function may run for minutes, and invoking it twice would be wrong.
        patience = 900 if service == "lambda" else 30
        config = Config(connect_timeout=3, read_timeout=patience, retries={"total_max_attempts": 1})
        made: Any = session().client
        return made(service, config=config)

    def settings(self) -> dict[str, str]:
        """Return the variables of the stack's functions, together."""
        lambda_, together = self.client("lambda"), {}
        for name in FUNCTIONS:
            configuration = lambda_.get_function_configuration(FunctionName=f"{STACK_NAME}-{name}")
            together.update(configuration.get("Environment", {}).get("Variables", {}))
        return together

    def operator(self) -> Operator:
        """Return the operator's tools for this stack."""
        from postroom.bootstrap import operator
        from postroom.bootstrap.environment import Environment

        return operator.build(Environment({**os.environ, **self.settings()}))


@cache
def session() -> Session:
    """Return a boto3 session whose clients know our operations, whatever AWS_DATA_PATH says besides."""
    import boto3
    import botocore.session

    core = botocore.session.get_session()
    others = core.get_config_variable("data_path")
    core.set_config_variable("data_path", os.pathsep.join([str(CLIENT), *([others] if others else [])]))
    return boto3.session.Session(botocore_session=core)


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
    """Turn what stations, clients and sockets refuse into one line for a person.

    Raises:
        RefusedError: in place of whatever it was.
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
        raise RefusedError(str(error)) from error


def _where(error: Exception) -> str:
    return str(getattr(error, "kwargs", {}).get("endpoint_url", "no connection"))
