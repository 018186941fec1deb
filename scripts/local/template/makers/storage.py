"""Tables and buckets."""

from __future__ import annotations

import json
from typing import Any, Final

from local.settings import REGION
from local.template.makers.base import Made, Resource, applicable, flag, tags

LONGEST_BUCKET_NAME: Final = 63
"""Characters. Source: AWS, "General purpose bucket naming rules"."""


def make_table(resource: Resource) -> Made:
    """Make a table with its stream and time to live."""
    dynamodb = resource.aws.client("dynamodb")
    name = resource.properties.get("TableName", resource.physical_name)
    members: dict[str, Any] = resource.only(
        "AttributeDefinitions",
        "KeySchema",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "ProvisionedThroughput",
    )
    if "StreamSpecification" in resource.properties:
        view = resource.properties["StreamSpecification"]["StreamViewType"]
        members["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    if resource.properties.get("SSESpecification"):
        encryption = resource.properties["SSESpecification"]
        members["SSESpecification"] = {
            "Enabled": flag(encryption["SSEEnabled"]),
            **{key: encryption[key] for key in ("SSEType", "KMSMasterKeyId") if key in encryption},
        }
    table = dynamodb.create_table(TableName=name, Tags=tags(resource), **members)["TableDescription"]
    if "TimeToLiveSpecification" in resource.properties:
        ttl = resource.properties["TimeToLiveSpecification"]
        specification = {"AttributeName": ttl["AttributeName"], "Enabled": flag(ttl["Enabled"])}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    if recovery := resource.properties.get("PointInTimeRecoverySpecification"):
        enabled = {"PointInTimeRecoveryEnabled": flag(recovery["PointInTimeRecoveryEnabled"])}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=enabled)
    attributes = {"Arn": table["TableArn"]}
    if "LatestStreamArn" in table:
        attributes["StreamArn"] = table["LatestStreamArn"]
    return Made(name, attributes)


def make_simple_table(resource: Resource) -> Made:
    """Make SAM's table with nothing but a primary key, `id` where it is not named."""
    key = resource.properties.get("PrimaryKey", {"Name": "id", "Type": "String"})
    kind = {"String": "S", "Number": "N", "Binary": "B"}[key["Type"]]
    name = resource.properties.get("TableName", resource.physical_name)
    resource.aws.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key["Name"], "AttributeType": kind}],
        KeySchema=[{"AttributeName": key["Name"], "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return Made(name)


def make_bucket(resource: Resource) -> Made:
    """Make a bucket with versioning, encryption, ownership, public access block, lifecycle and tags."""
    s3 = resource.aws.client("s3")
    properties = resource.properties
    name = properties.get("BucketName", resource.physical_name.lower()[:LONGEST_BUCKET_NAME])
    s3.create_bucket(Bucket=name)
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if "PublicAccessBlockConfiguration" in properties:
        block = {key: flag(value) for key, value in properties["PublicAccessBlockConfiguration"].items()}
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    if "OwnershipControls" in properties:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    if "Tags" in properties:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": properties["Tags"]})
    if "BucketEncryption" in properties:
        configuration = {
            "Rules": [_encryption(rule) for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]]
        }
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=configuration)
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com",
    }
    return Made(name, attributes)


def make_bucket_policy(resource: Resource) -> Made:
    """Put a bucket's policy; statements that refuse plain HTTP are left out."""
    bucket = resource.properties["Bucket"]
    policy = applicable(resource.properties["PolicyDocument"])
    if policy["Statement"]:
        resource.aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return Made(bucket)


def _encryption(rule: dict[str, Any]) -> dict[str, Any]:
    default = rule.get("ServerSideEncryptionByDefault", {})
    translated = {"ApplyServerSideEncryptionByDefault": default} if default else {}
    return {**translated, "BucketKeyEnabled": flag(rule.get("BucketKeyEnabled", False))}


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    """Translate a rule from CloudFormation's words into S3's."""
    translated: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        translated["ID"] = rule["Id"]
    expiration: dict[str, Any] = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    elif "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = flag(rule["ExpiredObjectDeleteMarker"])
    if expiration:
        translated["Expiration"] = expiration
    if "NoncurrentVersionExpirationInDays" in rule:  # the older spelling, which samples still have
        days = int(rule["NoncurrentVersionExpirationInDays"])
        translated["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "NoncurrentVersionExpiration" in rule:
        days = int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        translated["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        translated["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    return translated
