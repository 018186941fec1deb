"""The sample events of events/: their functions, what each needs, and how they are run on a stack.

Source of the format: events/samples.toml, at its top.
"""

from __future__ import annotations

import json
import re
import time
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cli.errors import RefusedError, UsageError
from cli.stack_outputs import logical_id
from postroom.contracts.message_flow import DELIMITER
from postroom.model.facts import OWN_DIGITS, submission_trace, trace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cli.running import Stack

PASSWORD: Final = "Correct-Horse-9"  # noqa: S105 - of users that exist in a local stack alone

_FUNCTIONS: Final = "arn:aws:lambda:us-east-1:{}:function:"
_ACCOUNT: Final = "123456789012"
"""The account of the samples. That of a stack at LocalStack is another one."""

_STORED: Final = re.compile(r"inbound/([A-Za-z0-9]+)")
_USER, _TOKEN = re.compile(r'"user_id": *"([^"]+)"'), re.compile(r'"token": *"([^"]+)"')
_RESPONSE_URL: Final = re.compile(r'"ResponseURL": *"([^"]+)"')


@dataclass(frozen=True, slots=True)
class SampleObjects:
    """What the samples refer to. Users and groups by local part; a group's members and an alias's owner likewise."""

    organization: str
    alias: str
    domain: str
    bucket: str
    users: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One event and its description; ``answer`` is None if no answer is expected."""

    path: Path
    text: str
    says: str = ""
    message: bytes | None = None
    answer: Any = None
    contains: str = ""

    @property
    def keys(self) -> list[str]:
        """The keys under which the event says that SES stored its messages."""
        return sorted({match[0] for match in _STORED.finditer(self.text)})

    def differs(self, answer: Any) -> str:
        """Say how an answer differs from the description; empty if it does not."""
        text = json.dumps(answer, ensure_ascii=False)
        if isinstance(self.answer, dict):
            for name, value in self.answer.items():
                if not isinstance(answer, dict) or answer.get(name) != value:
                    return f"{name} is not {json.dumps(value)}: {text}"
        return "" if self.contains in text else f"{self.contains!r} is not in {text}"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one event: ``wrong`` is empty if all was as described."""

    sample: Sample
    function: str
    answer: Any
    wrong: str
    took_ms: int


@dataclass(frozen=True, slots=True)
class Samples:
    """The folder: every sample by file name without ``.json``, in the order of samples.toml, undescribed ones last."""

    objects: SampleObjects
    by_name: Mapping[str, Sample]

    @classmethod
    def read(cls, folder: Path) -> Samples:
        """Read a folder.

        Raises:
            UsageError: a description without a file; a file may have no description.
        """
        described = tomllib.loads((folder / "samples.toml").read_text("utf-8"))
        files = {path.stem: path for path in sorted(folder.glob("*.json"))}
        if missing := described["samples"].keys() - files.keys():
            raise UsageError(f"{folder}/samples.toml describes files that do not exist: {', '.join(sorted(missing))}")
        samples = {}
        for name in (*described["samples"], *sorted(files.keys() - described["samples"].keys())):
            path = files[name]
            about = dict(described["samples"].get(name, {}))
            message = (folder / "messages" / about.pop("message")).read_bytes() if "message" in about else None
            samples[name] = Sample(path, path.read_text("utf-8"), message=message, **about)
        return cls(SampleObjects(**described["objects"]), samples)

    def functions(self, folder: Path) -> list[str]:
        """Return the functions of a folder in the order of their samples, so that one's result exists for the next.

        Raises:
            UsageError: a sample belongs to no function.
        """
        known = [path.parent.name for path in folder.glob("*/app.py")]
        return list(dict.fromkeys(function_of(name, known) for name in self.by_name))

    @property
    def ses_message_ids(self) -> set[str]:
        """The ids of all messages in the samples."""
        return {match[1] for sample in self.by_name.values() for match in _STORED.finditer(sample.text)}

    @property
    def submissions(self) -> set[tuple[str, str]]:
        """User and token of each submission in the samples."""
        found = ((_USER.search(sample.text), _TOKEN.search(sample.text)) for sample in self.by_name.values())
        return {(user[1], token[1]) for user, token in found if user and token}


def function_of(name: str, functions: list[str]) -> str:
    """Return the function that an event goes to, by the longest name that the file's name begins with.

    Args:
        name: of the file, without ``.json``.
        functions: names of folders of functions/.

    Raises:
        UsageError: none fits.
    """
    fitting = [each for each in functions if name == each or name.startswith(f"{each}_")]
    if not fitting:
        raise UsageError(
            f"{name}.json: no function has a name that this one begins with; there are {', '.join(functions)}"
        )
    return max(fitting, key=len)


@dataclass(frozen=True, slots=True)
class SampleRunner:
    """A running stack with the samples' objects: ``real`` maps each id of the samples to the stack's."""

    stack: Stack
    bucket: str
    real: Mapping[str, str]

    @classmethod
    def of(cls, stack: Stack, samples: Samples) -> SampleRunner:
        """Create the missing objects through the public API, and look up its ids."""
        objects, workmail = samples.objects, stack.client("workmail")
        organization = _organization(workmail, objects)
        make_objects(workmail, organization, objects)
        ids = {
            user: workmail.describe_user(OrganizationId=organization, UserId=name)["UserId"]
            for name, user in objects.users.items()
        }
        bucket = stack.settings()["INBOUND_BUCKET"]
        account = str(workmail.describe_organization(OrganizationId=organization)["ARN"]).split(":")[4]
        traces = {
            trace_of(each, objects.organization): trace_of(each, organization) for each in samples.ses_message_ids
        }
        submitted = {
            submission_trace(objects.organization, user, token): submission_trace(organization, ids[user], token)
            for user, token in samples.submissions
            if user in ids
        }
        rows = {f"{sample[-OWN_DIGITS:]}#": f"{real[-OWN_DIGITS:]}#" for sample, real in traces.items()}
        real = {_FUNCTIONS.format(_ACCOUNT): _FUNCTIONS.format(account)}
        real |= {objects.organization: organization, objects.bucket: bucket, **ids, **traces, **submitted, **rows}
        return cls(stack, bucket, real)

    def prepare(self, sample: Sample) -> bytes:
        """Store the sample's message where its event says; return the event with real ids."""
        s3 = self.stack.client("s3")
        for key in sample.keys if sample.message is not None else []:
            s3.put_object(Bucket=self.bucket, Key=key, Body=sample.message)
        text = sample.text
        for stands_in, really in self.real.items():
            text = text.replace(stands_in, really)
        if match := _RESPONSE_URL.search(text):
            place = {"Bucket": self.bucket, "Key": f"transit/replay/{sample.path.stem}"}
            text = text.replace(match[1], s3.generate_presigned_url("put_object", Params=place))
        return text.encode()

    def run(self, sample: Sample, function: str) -> Result:
        """Prepare a sample and invoke its function.

        Args:
            function: its folder's name.
        """
        event, started = self.prepare(sample), time.monotonic()
        name = self.stack.function(logical_id(function))
        said = self.stack.client("lambda").invoke(FunctionName=name, Payload=event)
        took = round((time.monotonic() - started) * 1000)
        answer = read_answer(said["Payload"].read())
        failed = f"{answer.get('errorType')}: {answer.get('errorMessage')}" if said.get("FunctionError") else ""
        return Result(sample, function, answer, failed or sample.differs(answer), took)


def read_answer(payload: bytes) -> Any:
    """Read a function's answer; a streamed one is its head with the body as text."""
    head, delimiter, body = payload.partition(DELIMITER)
    if delimiter:
        return {**json.loads(head), "body": body.decode("utf-8", "replace")}
    return json.loads(payload or b"null")


def make_objects(workmail: Any, organization: str, objects: SampleObjects) -> None:
    """Create the missing objects in an organization; what exists stays."""
    errors = workmail.exceptions
    named = {"OrganizationId": organization}
    _unless(errors.MailDomainInUseException, workmail.register_mail_domain, **named, DomainName=objects.domain)
    for name in objects.users:
        about = {"Name": name, "DisplayName": name.title(), "Password": PASSWORD}
        _unless(errors.NameAvailabilityException, workmail.create_user, **named, **about)
    for name in objects.groups:
        _unless(errors.NameAvailabilityException, workmail.create_group, **named, Name=name)
    for name in (*objects.users, *objects.groups):
        about = {"EntityId": entity_id(workmail, organization, name, objects), "Email": f"{name}@{objects.domain}"}
        _unless(errors.EntityAlreadyRegisteredException, workmail.register_to_work_mail, **named, **about)
    for name, members in objects.groups.items():
        group = entity_id(workmail, organization, name, objects)
        for member in members:
            user = entity_id(workmail, organization, member, objects)
            workmail.associate_member_to_group(**named, GroupId=group, MemberId=user)
    for alias, owner in objects.aliases.items():
        user = entity_id(workmail, organization, owner, objects)
        known = workmail.list_aliases(**named, EntityId=user)["Aliases"]
        if f"{alias}@{objects.domain}" not in known:
            workmail.create_alias(**named, EntityId=user, Alias=f"{alias}@{objects.domain}")


def entity_id(workmail: Any, organization: str, name: str, objects: SampleObjects) -> str:
    """Return the id of a user or group of the objects, by name."""
    if name in objects.users:
        return str(workmail.describe_user(OrganizationId=organization, UserId=name)["UserId"])
    return str(workmail.describe_group(OrganizationId=organization, GroupId=name)["GroupId"])


def _organization(workmail: Any, objects: SampleObjects) -> str:
    for page in workmail.get_paginator("list_organizations").paginate():
        for organization in page["OrganizationSummaries"]:
            if organization["Alias"] == objects.alias and organization["State"] == "Active":
                return str(organization["OrganizationId"])
    try:
        return str(workmail.create_organization(Alias=objects.alias)["OrganizationId"])
    except workmail.exceptions.NameAvailabilityException as error:
        raise RefusedError(f"the alias {objects.alias} of the samples' organization is taken") from error


def _unless(there: type[Exception], make: Callable[..., object], **members: str) -> None:
    """Make something unless it is there already."""
    try:
        make(**members)
    except there:
        return
