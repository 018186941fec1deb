"""The IAM permissions that functions' calls need, and whether their roles in template.yaml allow them.

Emulators allow everything, so a missing permission would be noticed on AWS only. Tables, buckets and queues have the
names of the template's resources, which the functions' variables refer to.
"""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cfnlint.decode import decode

from cli.stack_outputs import SETTINGS
from tests.faults.exported import BUCKET
from tests.support.accounts import ACCOUNT_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TEMPLATE: Final = Path(__file__).parents[2] / "template.yaml"

ITEMS: Final = {
    "Put": "PutItem",
    "Delete": "DeleteItem",
    "Update": "UpdateItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""The permission of each write of a transaction. Source: DynamoDB Developer Guide, "Using IAM with transactions"."""

SAME: Final = {"SendMessageBatch": "SendMessage", "ChangeMessageVisibilityBatch": "ChangeMessageVisibility"}
"""Operations with the permission of another one. Source: Service Authorization Reference, Amazon SQS."""

LISTS: Final = ("ListMultipartUploads", "ListObjectsV2")
"""Operations of an export on the customer's bucket that are made in the function's own role."""

Asked = tuple[str, str, str]
"""A function's folder, an action, and the physical name of its resource; the name is empty if the role does not use
names (keys of customers, log groups, identities)."""


def asked(function: str, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Asked]:
    """Yield the permissions that one call needs."""
    match service, operation:
        case "dynamodb", "TransactWriteItems":
            for write in parameters["TransactItems"]:
                for kind, request in write.items():
                    yield function, f"dynamodb:{ITEMS[kind]}", request["TableName"]
        case "dynamodb", "BatchGetItem" | "BatchWriteItem":
            for table in parameters["RequestItems"]:
                yield function, f"dynamodb:{operation}", table
        case "dynamodb", _:
            yield function, f"dynamodb:{operation}", parameters["TableName"]
        case "s3", _ if parameters.get("Bucket") == BUCKET and operation not in LISTS:
            return  # made in the customer's role
        case "s3", "ListMultipartUploads":
            yield function, "s3:ListBucketMultipartUploads", parameters["Bucket"]
        case "s3", "ListObjectsV2":
            yield function, "s3:ListBucket", parameters["Bucket"]
        case "s3", "DeleteObjects":
            for each in parameters["Delete"]["Objects"]:
                yield function, "s3:DeleteObject", f"{parameters['Bucket']}/{each['Key']}"
        case "s3", _:
            key = f"/{parameters['Key']}" if "Key" in parameters else ""
            yield function, f"s3:{operation}", f"{parameters['Bucket']}{key}"
        case "lambda", "Invoke":
            yield function, "lambda:InvokeFunction", ""
        case "sesv2", "SendEmail":  # raw mail needs both. Source: SES Developer Guide, "Controlling access"
            yield function, "ses:SendEmail", ""
            yield function, "ses:SendRawEmail", ""
        case "sqs", _:
            yield function, f"sqs:{SAME.get(operation, operation)}", parameters["QueueUrl"]
        case _:
            yield function, f"{service}:{operation}", ""


def not_allowed(wanted: set[Asked], physical: Mapping[str, str]) -> set[Asked]:
    """Return the permissions that roles do not allow.

    Args:
        physical: the functions' variables of the run: names of tables and buckets, URLs of queues.
    """
    resources = _resources()
    logical = dict(_logical_names(resources, physical))
    return {each for each in wanted if not _is_allowed(each, _statements(resources, each[0]), logical)}


@functools.cache
def _resources() -> dict[str, Any]:
    template, problems = decode(str(TEMPLATE))
    assert not problems, problems
    found: dict[str, Any] = template["Resources"]
    return found


def _logical_names(resources: Mapping[str, Any], physical: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of physical and logical names, from the variables of all functions and the queues that they read."""
    for name, output in SETTINGS.items():
        if name in physical and output.endswith("QueueUrl"):
            yield physical[name], output.removesuffix("Url")
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            for name, value in resource["Properties"]["Environment"]["Variables"].items():
                if name in physical and isinstance(value, dict) and "Ref" in value:
                    yield physical[name], value["Ref"]


def _statements(resources: Mapping[str, Any], function: str) -> list[Any]:
    """Return the statements of a function's role; ``function`` is the name of its folder."""
    name = "".join(map(str.title, function.split("_"))) + "Function"
    role = resources[name]["Properties"]["Role"]["Fn::GetAtt"][0]
    return [each for it in resources[role]["Properties"]["Policies"] for each in it["PolicyDocument"]["Statement"]]


def _is_allowed(wanted: Asked, statements: Sequence[Any], logical: Mapping[str, str]) -> bool:
    """Return whether statements allow a permission: a Deny wins over an Allow, whatever its condition."""
    return {each["Effect"] for each in statements if _is_about(each, wanted, logical)} == {"Allow"}


def _is_about(statement: Mapping[str, Any], wanted: Asked, logical: Mapping[str, str]) -> bool:
    _, action, name = wanted
    if not any(fnmatchcase(action, each) for each in _listed(statement["Action"])):
        return False
    place, slash, key = (name, "", "") if "://" in name else name.partition("/")
    subject = f"{logical.get(place, place)}{slash}{key}"
    return not name or any(fnmatchcase(subject, _pattern(each)) for each in _listed(statement["Resource"]))


def _pattern(resource: Any) -> str:
    """Return a resource as a pattern of logical names: ``InboundBucket/transit/*``; for all of S3 ``*``."""
    match resource:
        case {"Fn::GetAtt": [name, *_]}:
            return str(name)
        case {"Fn::Sub": str(text)}:
            return (
                text.removeprefix("arn:${AWS::Partition}:s3:::")
                .replace("${AWS::AccountId}", ACCOUNT_ID)
                .replace("${", "")
                .replace(".Arn}", "")
            )
        case {"Fn::If": [_, _, by_default]}:  # lists of the parameters are empty
            return _pattern(by_default)
        case _:
            return str(resource)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
