"""Roles of functions have no rights that their functions do not use."""

from __future__ import annotations

from typing import Any, Final

import pytest

from local.template.reading import Resolver, load

from .conftest import ROOT, Template, listed
from .test_functions import FUNCTIONS

KEY: Final = "UseTheStackKeyThroughServices"
LISTING: Final = ("s3:List", "s3:GetBucket", "s3:Delete")
"""What the names of S3's actions begin with that read and write no object."""


def services_used(statement: Any) -> set[str]:
    """Return the services among DynamoDB, SQS and S3 that a statement lets read or write what the stack encrypts."""
    stores = "InboundBucket" in str(statement["Resource"])
    actions = [each for each in listed(statement["Action"]) if not each.startswith(LISTING)]
    services = {each.partition(":")[0] for each in actions}
    return services & ({"dynamodb", "sqs"} | ({"s3"} if stores else set()))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_uses_the_stack_key_through_the_services_that_it_may_use(template: Template, function: str) -> None:
    """MailBucket is not encrypted with the stack's key: sealed mail is ciphertext."""
    statements = template.statements(function)
    through = [each for each in statements if each["Sid"] == KEY]
    used = set[str]().union(*(services_used(each) for each in statements if each["Sid"] != KEY))
    services = [via["Fn::Sub"].partition(".")[0] for each in through for via in vias(each)]
    assert sorted(set(services) & {"dynamodb", "sqs", "s3"}) == sorted(used)


def vias(statement: Any) -> list[Any]:
    return listed(statement["Condition"]["StringEquals"]["kms:ViaService"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_sealed_mail_and_staged_exports_are_apart(template: Template, function: str) -> None:
    objects = [
        each["Fn::Sub"]
        for statement in template.statements(function)
        for each in listed(statement["Resource"])
        if isinstance(each, dict) and str(each.get("Fn::Sub", "")).startswith("${MailBucket.Arn}/")
    ]
    assert set(objects) <= {"${MailBucket.Arn}/mail/*", "${MailBucket.Arn}/exports/*"}


HERE: Final = ["arn:aws:s3:::one", "arn:aws:s3:::two"]


@pytest.mark.parametrize(
    ("listed_buckets", "objects", "buckets"),
    [
        (["TAGGED"], "arn:aws:s3:::*/*", "arn:aws:s3:::*"),
        (HERE[:1], ["arn:aws:s3:::one/*"], HERE[:1]),
        (HERE, ["arn:aws:s3:::one/*", "arn:aws:s3:::two/*"], HERE),
    ],
)
def test_a_list_of_buckets_limits_what_may_be_put(listed_buckets: list[str], objects: Any, buckets: Any) -> None:
    template = load(ROOT / "template.yaml")
    values = {"PutContentBuckets": listed_buckets, "StageName": "v1"}
    resolver = Resolver(template, values, "postroom", lambda name, _attribute: f"arn:{name}")
    policy = template["Resources"]["MessageFlowApiFunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    found = {each["Sid"]: resolver.resolve(each["Resource"]) for each in policy["Statement"]}
    assert (found["ReadWhatRuleFunctionsPut"], found["SeeWhichBucketsAreMeantForIt"]) == (objects, buckets)
