"""A transformed template as it is deployed at worst: every name and every parameter as long as it may be."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from local.settings import ACCOUNT
from local.template.reading import Resolver

STACK_NAME: Final = "s" * 128
REGION: Final = "ap-southeast-1"
PARTITION: Final = "aws-us-gov"

LONGEST: Final = {
    "AccessLogBucketName": "b" * 63,
    "AlarmTopicArn": f"arn:{PARTITION}:sns:{REGION}:{ACCOUNT}:{'t' * 256}",
    "MetricsNamespace": "n" * 255,
    "ReceiptRuleSetName": "r" * 64,
    "StageName": "v" * 128,
    "TestDomainSuffix": ".".join(["d" * 63] * 3),
}
"""Values of parameters whose pattern sets no bound, or none that is easily read."""
SWITCHED_ON: Final = {"ActivateReceiptRuleSet": "true", "ApiAccessLog": "ENABLED", "CreateReceiptRuleSet": "true"}
"""Parameters that bring more resources into being."""


class Naming(NamedTuple):
    """The names that CloudFormation makes for resources without one."""

    given: str
    """The property that gives a name."""
    most: int
    """Characters that a name may have; CloudFormation cuts its own to that."""
    arn: str
    """The part before the name in the resource's ARN."""


def _arn(service: str, kind: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:{PARTITION}:{service}:{region}:{account}:{kind}"


NAMING: Final = {
    "AWS::DynamoDB::Table": Naming("TableName", 255, _arn("dynamodb", "table/")),
    "AWS::Events::EventBus": Naming("Name", 256, _arn("events", "event-bus/")),
    "AWS::Events::Rule": Naming("Name", 64, _arn("events", "rule/")),
    "AWS::IAM::Role": Naming("RoleName", 64, _arn("iam", "role/", region="")),
    "AWS::Lambda::Function": Naming("FunctionName", 64, _arn("lambda", "function:")),
    "AWS::Lambda::LayerVersion": Naming("LayerName", 140, _arn("lambda", "layer:")),
    "AWS::Logs::LogGroup": Naming("LogGroupName", 512, _arn("logs", "log-group:")),
    "AWS::S3::Bucket": Naming("BucketName", 63, _arn("s3", "", region="", account="")),
    "AWS::SES::ReceiptRuleSet": Naming("RuleSetName", 64, ""),
    "AWS::SNS::Topic": Naming("TopicName", 256, _arn("sns", "")),
    "AWS::SQS::Queue": Naming("QueueName", 80, _arn("sqs", "")),
}
"""By type. Source: each service's API reference, the pattern of the name."""
ANY: Final = Naming("", 255, _arn("service", "resource/"))
MADE_BY_THE_SERVICE: Final = {"AWS::KMS::Key": "k" * 36, "AWS::ApiGateway::RestApi": "a" * 10}
"""Identifiers that no template gives and no stack name is part of."""


def longest(name: str, parameter: dict[str, Any]) -> str:
    """Return the longest value of a parameter that is known: by its constraints, by the table above, or its default."""
    if name in LONGEST | SWITCHED_ON:
        return str((LONGEST | SWITCHED_ON)[name])
    if "AllowedValues" in parameter:
        return str(max(map(str, parameter["AllowedValues"]), key=len))
    return "x" * int(parameter["MaxLength"]) if "MaxLength" in parameter else str(parameter.get("Default", "x"))


class Deployed:
    """A stack's resources with every intrinsic function resolved."""

    def __init__(self, body: dict[str, Any], **parameters: str) -> None:
        """Resolve a transformed template; ``parameters`` win over the longest values."""
        self.body: dict[str, Any] = {"Resources": {}, **body}
        declared: dict[str, Any] = self.body.get("Parameters") or {}
        self.parameters = {name: longest(name, each) for name, each in declared.items()} | parameters
        known = {"AWS::Region": REGION, "AWS::Partition": PARTITION, **self.parameters}
        self._resolver = Resolver(self.body, known, STACK_NAME, self._attribute)
        self.resources: dict[str, dict[str, Any]] = {
            name: each | {"Properties": self._resolver.resolve(each.get("Properties", {}))}
            for name, each in self.body["Resources"].items()
            if "Condition" not in each or self._resolver.condition(each["Condition"])
        }

    def of_type(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the logical id and the properties of each resource of one type."""
        for name, each in self.resources.items():
            if each["Type"] == kind:
                yield name, each["Properties"]

    def properties(self, reference: str) -> dict[str, Any]:
        """Return the properties of the resource that has this name, ARN or URL."""
        for name, each in self.resources.items():
            attributes = {self._attribute(name, None), self._attribute(name, "Arn"), self._attribute(name, "StreamArn")}
            if reference in attributes:
                found: dict[str, Any] = each["Properties"]
                return found
        raise KeyError(reference)

    def name(self, logical_id: str) -> str:
        """Return a resource's physical name, as long as it may be."""
        kind = self.body["Resources"][logical_id]["Type"]
        if kind in MADE_BY_THE_SERVICE:
            return MADE_BY_THE_SERVICE[kind]
        naming = NAMING.get(kind, ANY)
        given = self.body["Resources"][logical_id].get("Properties", {}).get(naming.given)
        return str(self._resolver.resolve(given)) if given else f"{logical_id}-{STACK_NAME}"[: naming.most]

    def _attribute(self, logical_id: str, attribute: str | None) -> str:
        kind = self.body["Resources"][logical_id]["Type"]
        name = self.name(logical_id)
        arn = NAMING.get(kind, ANY).arn + name
        match kind, attribute:
            case ("AWS::SQS::Queue", None):
                return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
            case ("AWS::SNS::Topic" | "AWS::Lambda::LayerVersion", None):
                return arn
            case (_, "Arn"):
                return f"{arn}:*" if kind == "AWS::Logs::LogGroup" else arn
            case (_, "StreamArn"):
                return f"{arn}/stream/2026-01-01T00:00:00.000"
            case _:
                return name


def json_size(value: Any) -> int:
    """Return the bytes of a document as JSON without white space, which IAM does not count."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
