"""Keys, roles, secrets and log groups."""

from __future__ import annotations

import json
import secrets
import string

from local.template.makers.base import Made, Resource, flag


def make_key(resource: Resource) -> Made:
    """Make a KMS key, rotated if the template says so."""
    kms = resource.aws.client("kms")
    members = resource.only("Description", "KeySpec", "KeyUsage", "MultiRegion")
    if "KeyPolicy" in resource.properties:
        members["Policy"] = json.dumps(resource.properties["KeyPolicy"])
    key = kms.create_key(**members)["KeyMetadata"]
    if flag(resource.properties.get("EnableKeyRotation", False)):
        kms.enable_key_rotation(KeyId=key["KeyId"])
    return Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})


def make_alias(resource: Resource) -> Made:
    """Name a KMS key."""
    name = resource.properties["AliasName"]
    resource.aws.client("kms").create_alias(AliasName=name, TargetKeyId=resource.properties["TargetKeyId"])
    return Made(name)


def make_role(resource: Resource) -> Made:
    """Make a role with its trust, inline policies and tags; they are not enforced here, `iam:GetRole` shows them."""
    iam = resource.aws.client("iam")
    name = resource.properties.get("RoleName", resource.physical_name)
    trust = json.dumps(resource.properties["AssumeRolePolicyDocument"])
    role = iam.create_role(
        RoleName=name,
        Path=resource.properties.get("Path", "/"),
        AssumeRolePolicyDocument=trust,
        Tags=resource.properties.get("Tags", []),
    )["Role"]
    for policy in resource.properties.get("Policies", ()):
        document = json.dumps(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def make_log_group(resource: Resource) -> Made:
    """Make a log group with its retention."""
    logs = resource.aws.client("logs")
    name = resource.properties.get("LogGroupName", resource.physical_name)
    logs.create_log_group(logGroupName=name)
    if "RetentionInDays" in resource.properties:
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(resource.properties["RetentionInDays"]))
    group = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    return Made(name, {"Arn": group["arn"]})


def make_parameter(resource: Resource) -> Made:
    """Put a parameter of Systems Manager."""
    name = resource.properties.get("Name", resource.physical_name)
    members = {"Value": str(resource.properties["Value"]), "Type": resource.properties["Type"]}
    resource.aws.client("ssm").put_parameter(Name=name, **members)
    return Made(name, {**members, "Name": name})


def make_secret(resource: Resource) -> Made:
    """Make a secret, given or generated."""
    name = resource.properties.get("Name", resource.physical_name)
    value = resource.properties.get("SecretString")
    if value is None:
        rules = resource.properties.get("GenerateSecretString", {})
        alphabet = string.ascii_letters + string.digits
        generated = "".join(secrets.choice(alphabet) for _ in range(int(rules.get("PasswordLength", 32))))
        value = generated
        if "GenerateStringKey" in rules:
            value = json.dumps({**json.loads(rules["SecretStringTemplate"]), rules["GenerateStringKey"]: generated})
    arn = resource.aws.client("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]
    return Made(arn, {"Id": arn})
