"""The running stack: where it is, what its outputs say, and the tools that work on it.

`--stack` names a deployed one. Otherwise it is the one that runs here, found by the environment that `up` exports, or
else by `.postroom/env`, which `up` writes. Either way, CloudFormation tells its outputs, and nothing else is asked.
"""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

from cli import rights, stack_outputs
from cli.errors import RefusedError, UsageError
from cli.repository import STACK_NAME, repository_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from botocore.session import Session

    from postroom.bootstrap.operator import Operator

CLIENT: Final = repository_root() / "layers" / "workmail_client" / "botocore"
"""The folder for AWS_DATA_PATH that teaches clients our operations."""

STACK: Final = "POSTROOM_STACK"
"""Variable with the name of the deployed stack that is meant; `--stack` sets it."""

START: Final = "start it with: ./scripts/postroom up"

OTHER_VERSION: Final = "it was deployed from another version than this command line"


@dataclass(frozen=True)
class Stack:
    """One running stack."""

    variables: dict[str, str]
    """The environment under which clients find it; the process has it too."""

    name: str = STACK_NAME

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

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs, as CloudFormation tells them.

        Raises:
            RefusedError: there is no stack of this name, or it is none of Postroom's.
        """
        from botocore.exceptions import ClientError

        try:
            (found,) = _made("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # CloudFormation's "does not exist"
                raise RefusedError(f"there is no stack {self.name} in this account and Region") from error
            raise
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
        if not outputs.keys() & stack_outputs.SETTINGS.values():
            raise RefusedError(f"{self.name} is no stack of Postroom: it has none of its outputs")
        return outputs

    def output(self, name: str) -> str:
        """Return one output.

        Raises:
            RefusedError: the stack is older than the output.
        """
        if name not in self.outputs:
            raise RefusedError(f"the stack {self.name} has no output {name}: {OTHER_VERSION}")
        return self.outputs[name]

    def function(self, logical_id: str) -> str:
        """Return the name of one of the stack's functions, for example of IngestFunction."""
        return self.output(stack_outputs.function_output(logical_id))

    def ask(self, folder: str, event: bytes) -> bytes:
        """Invoke the function whose code is in a folder; return its answer.

        Raises:
            RefusedError: it failed.
        """
        name = self.function(stack_outputs.logical_id(folder))
        said = self.client("lambda").invoke(FunctionName=name, Payload=event)
        payload: bytes = said["Payload"].read()
        if said.get("FunctionError"):
            raise RefusedError(f"{folder} failed; see: postroom logs {folder}")
        return payload

    def client(self, service: str) -> Any:
        """Return a client that gives up soon if there is no answer, and knows our operations.

        The client of the admin API signs for API Gateway, at the URL that the stack's output has.
        """
        return _made(service, self.output(stack_outputs.API_URL) if service == "workmail" else None)

    def settings(self) -> dict[str, str]:
        """Return the settings that the stack's outputs are."""
        return stack_outputs.settings_of(self.outputs)

    def operator(self) -> Operator:
        """Return the operator's tools for this stack."""
        from postroom.adapters.aws import clients
        from postroom.bootstrap import operator

        rights.name_resources(clients.session())
        return operator.build({**os.environ, **self.settings()})


def _made(service: str, endpoint_url: str | None = None) -> Any:
    from botocore.config import Config

    # A function may run for minutes, and invoking it twice would be wrong.
    read_timeout_s = 900 if service == "lambda" else 30
    # A stack that runs here answers at once or not at all; AWS may throttle what reads in a loop.
    attempts = 5 if is_deployed() and service != "lambda" else 1
    config = Config(
        connect_timeout=3, read_timeout=read_timeout_s, retries={"mode": "standard", "total_max_attempts": attempts}
    )
    make: Any = session().create_client  # its stub knows no services
    return make(service, config=config, endpoint_url=endpoint_url)


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
    """Return a client of the admin API: of the stack that is meant, or at AWS_ENDPOINT_URL_WORKMAIL without one.

    Raises:
        RefusedError: neither is there.
    """
    if "AWS_ENDPOINT_URL_WORKMAIL" in os.environ and not is_deployed():
        return _made("workmail")
    return find().client("workmail")


def find(root: Path | None = None) -> Stack:
    """Return the stack that `--stack` names, or else the one that runs here, whose environment this process gets.

    Args:
        root: the checkout whose ``.postroom/env`` is read where the environment names no stack.

    Raises:
        RefusedError: no stack is named, and none runs here.
    """
    if deployed := os.environ.get(STACK):
        return Stack(dict(os.environ), deployed)
    if not os.environ.get("AWS_ENDPOINT_URL"):
        exports = (root or repository_root()) / ".postroom" / "env"
        try:
            os.environ.update(read_exports(exports.read_text("utf-8")))
        except FileNotFoundError as error:
            raise RefusedError(f"no stack is running here; {START}, or name a deployed one with --stack") from error
    return Stack(dict(os.environ))


def is_deployed() -> bool:
    """Say whether a deployed stack is meant."""
    return bool(os.environ.get(STACK))


def choose(stack: str | None, region: str | None, profile: str | None) -> None:
    """Let this process use a deployed stack, in a Region, with the credentials of a profile.

    A profile comes before keys in the environment, as with the AWS CLI, and AWS_REGION before AWS_DEFAULT_REGION.
    botocore reads the second alone.

    Raises:
        UsageError: a Region or a profile without a stack.
    """
    if not (stack or is_deployed()) and (region or profile):
        raise UsageError("--region and --profile are for a deployed stack: name it with --stack")
    if stack:
        os.environ[STACK] = stack
    if region := region or os.environ.get("AWS_REGION"):
        os.environ |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if profile:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        os.environ["AWS_PROFILE"] = profile


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
    """Turn errors of stations, clients and sockets into one line for a person; a denied call names the missing right.

    Raises:
        RefusedError: in place of the error.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, EndpointConnectionError  # noqa: A004

    from postroom.errors import PostroomError, SettingsError

    try:
        yield
    except (EndpointConnectionError, ConnectionError) as error:
        raise RefusedError(_no_answer(error)) from error
    except SettingsError as error:
        raise RefusedError(f"{error.cause.partition(' (')[0]}: {OTHER_VERSION}") from error
    except PostroomError as error:
        if isinstance(error.__cause__, EndpointConnectionError | ConnectionError):
            raise RefusedError(_no_answer(error.__cause__)) from error
        raise RefusedError(rights.missing(error) or error.cause) from error
    except ClientError as error:
        said = error.response.get("Error", {})
        refused = f"{error.operation_name}: {said.get('Code', '?')}: {said.get('Message', '')}"
        raise RefusedError(rights.missing(error) or refused) from error
    except BotoCoreError as error:
        raise RefusedError(" ".join(str(error).split())) from error


def _no_answer(error: Exception) -> str:
    where = str(getattr(error, "kwargs", {}).get("endpoint_url", "no connection"))
    return f"the stack does not answer ({where}){'' if is_deployed() else f'; {START}'}"
