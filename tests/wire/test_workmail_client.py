"""What a stock boto3 client sees."""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from postroom.model import consent

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.bootstrap.admin_api import AdminApiSettings

RULE_SET = "mail"
RECORD_EVENTS_ROLE = "arn:aws:iam::123456789012:role/record-events"


def make_user(workmail: Any, organization: str, name: str) -> str:
    user: str = workmail.create_user(
        OrganizationId=organization, Name=name, DisplayName=name.title(), Password="Secret-1"
    )["UserId"]
    workmail.register_to_work_mail(OrganizationId=organization, EntityId=user, Email=f"{name}@example.com")
    return user


def test_a_day_in_the_life_of_an_administrator(workmail: Any, acme: str) -> None:
    user = make_user(workmail, acme, "ann")
    group = workmail.create_group(OrganizationId=acme, Name="team")["GroupId"]
    workmail.register_to_work_mail(OrganizationId=acme, EntityId=group, Email="team@example.com")
    workmail.associate_member_to_group(OrganizationId=acme, GroupId=group, MemberId=user)
    workmail.create_alias(OrganizationId=acme, EntityId=user, Alias="boss@example.com")
    found = workmail.describe_user(OrganizationId=acme, UserId="boss@example.com")
    assert (found["UserId"], found["Email"], found["State"]) == (user, "ann@example.com", "ENABLED")
    assert abs(found["EnabledDate"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert workmail.list_group_members(OrganizationId=acme, GroupId=group)["Members"][0]["Id"] == user
    assert workmail.get_mailbox_details(OrganizationId=acme, UserId=user)["MailboxQuota"] == 51_200
    workmail.update_mailbox_quota(OrganizationId=acme, UserId=user, MailboxQuota=100)
    assert workmail.get_mailbox_details(OrganizationId=acme, UserId=user) | {"ResponseMetadata": 0} == {
        "MailboxQuota": 100,
        "MailboxSize": 0.0,
        "ResponseMetadata": 0,
    }
    workmail.deregister_from_work_mail(OrganizationId=acme, EntityId=user)
    workmail.delete_user(OrganizationId=acme, UserId=user)
    assert workmail.describe_user(OrganizationId=acme, UserId=user)["State"] == "DELETED"
    workmail.delete_organization(OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
    assert workmail.describe_organization(OrganizationId=acme)["State"] == "Deleting"


def test_errors_are_the_modelled_classes(workmail: Any, acme: str) -> None:
    raised = workmail.exceptions
    ann, bob = make_user(workmail, acme, "ann"), make_user(workmail, acme, "bob")
    named = {"OrganizationId": acme}
    with pytest.raises(raised.EntityNotFoundException, match="no such user"):
        workmail.describe_user(**named, UserId="u-404")
    with pytest.raises(raised.OrganizationNotFoundException):
        workmail.describe_organization(OrganizationId="m-" + "0" * 32)
    with pytest.raises(raised.NameAvailabilityException):
        workmail.create_user(**named, Name="ann", DisplayName="x")
    with pytest.raises(raised.InvalidPasswordException):
        workmail.reset_password(**named, UserId=ann, Password="weakweak")
    with pytest.raises(raised.EmailAddressInUseException):
        workmail.create_alias(**named, EntityId=bob, Alias="ann@example.com")
    with pytest.raises(raised.EntityStateException):
        workmail.delete_user(**named, UserId=ann)
    with pytest.raises(raised.EntityAlreadyRegisteredException):
        workmail.register_to_work_mail(**named, EntityId=ann, Email="other@example.com")
    with pytest.raises(raised.MailDomainNotFoundException):
        workmail.get_mail_domain(**named, DomainName="unknown.org")
    with pytest.raises(raised.MailDomainInUseException):
        workmail.deregister_mail_domain(**named, DomainName="example.com")
    with pytest.raises(raised.InvalidParameterException, match="validation error"):
        workmail.create_user(**named, Name="a b", DisplayName="x")
    with pytest.raises(raised.ResourceNotFoundException):
        workmail.describe_email_monitoring_configuration(**named)
    with pytest.raises(raised.ClientError, match="not built yet") as caught:
        workmail.get_default_retention_policy(**named)
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


def test_a_room_and_its_delegates(workmail: Any, acme: str) -> None:
    raised, named = workmail.exceptions, {"OrganizationId": acme}
    ann = make_user(workmail, acme, "ann")
    room = workmail.create_resource(**named, Name="aurora", Type="ROOM", Description="3rd floor")["ResourceId"]
    workmail.register_to_work_mail(**named, EntityId=room, Email="aurora@example.com")
    options = workmail.describe_resource(**named, ResourceId="aurora@example.com")["BookingOptions"]
    assert options == {
        "AutoAcceptRequests": True,
        "AutoDeclineRecurringRequests": False,
        "AutoDeclineConflictingRequests": True,
    }
    with pytest.raises(raised.InvalidConfigurationException, match="no delegate"):
        workmail.update_resource(**named, ResourceId=room, BookingOptions={"AutoAcceptRequests": False})
    workmail.associate_delegate_to_resource(**named, ResourceId="aurora", EntityId="ann")
    workmail.update_resource(**named, ResourceId=room, Name="borealis", BookingOptions={"AutoAcceptRequests": False})
    assert workmail.list_resource_delegates(**named, ResourceId="borealis")["Delegates"] == [
        {"Id": ann, "Type": "USER"}
    ]
    with pytest.raises(raised.EntityStateException, match="last delegate"):
        workmail.disassociate_delegate_from_resource(**named, ResourceId=room, EntityId=ann)
    with pytest.raises(raised.EntityStateException, match="deregister"):
        workmail.delete_resource(**named, ResourceId=room)
    workmail.deregister_from_work_mail(**named, EntityId=room)
    workmail.delete_resource(**named, ResourceId=room)
    found = workmail.describe_resource(**named, ResourceId=room)
    assert (found["Name"], found["State"]) == ("borealis", "DELETED")
    assert abs(found["DisabledDate"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_paginators_of_resources_and_delegates_walk_every_page(workmail: Any, acme: str) -> None:
    for number in range(4):
        workmail.create_resource(OrganizationId=acme, Name=f"car{number}", Type="EQUIPMENT")
        workmail.create_group(OrganizationId=acme, Name=f"drivers {number}")
    groups = [group["Id"] for group in workmail.list_groups(OrganizationId=acme)["Groups"]]
    for group in groups:
        workmail.associate_delegate_to_resource(OrganizationId=acme, ResourceId="car0", EntityId=group)
    config = {"PageSize": 3}
    pages = list(workmail.get_paginator("list_resources").paginate(OrganizationId=acme, PaginationConfig=config))
    assert [len(page["Resources"]) for page in pages] == [3, 1]
    delegates = workmail.get_paginator("list_resource_delegates")
    pages = list(delegates.paginate(OrganizationId=acme, ResourceId="car0", PaginationConfig=config))
    assert [one["Id"] for page in pages for one in page["Delegates"]] == groups


def test_paginators_walk_every_page(workmail: Any, acme: str) -> None:
    for number in range(7):
        workmail.create_user(OrganizationId=acme, Name=f"u{number}", DisplayName="x")
    pages = list(workmail.get_paginator("list_users").paginate(OrganizationId=acme, PaginationConfig={"PageSize": 3}))
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert len({user["Id"] for page in pages for user in page["Users"]}) == 7


def test_domains_land_in_receipt_rules_of_ours(workmail: Any, acme: str) -> None:
    (rule,) = boto3.client("ses").describe_receipt_rule_set(RuleSetName=RULE_SET)["Rules"]
    assert sorted(rule["Recipients"]) == ["acme.mail.test", "example.com"]
    assert rule["ScanEnabled"]
    action = rule["Actions"][0]["S3Action"]
    assert (action["BucketName"], action["ObjectKeyPrefix"]) == ("inbound", "inbound/")
    assert action["TopicArn"].endswith(":inbound")
    found = workmail.get_mail_domain(OrganizationId=acme, DomainName="example.com")
    assert {record["Type"] for record in found["Records"]} == {"TXT", "MX", "CNAME"}
    workmail.deregister_mail_domain(OrganizationId=acme, DomainName="example.com")
    (rule,) = boto3.client("ses").describe_receipt_rule_set(RuleSetName=RULE_SET)["Rules"]
    assert rule["Recipients"] == ["acme.mail.test"]


def test_a_key_of_ones_own(workmail: Any) -> None:
    kms = boto3.client("kms")
    good = kms.create_key()["KeyMetadata"]["Arn"]
    asymmetric = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)
    for bad in (asymmetric, disabled, good[:-1] + "x"):
        with pytest.raises(workmail.exceptions.InvalidParameterException, match=bad):
            workmail.create_organization(Alias="acme", KmsKeyArn=bad)
    organization = workmail.create_organization(Alias="acme", KmsKeyArn=good)["OrganizationId"]
    user = workmail.create_user(OrganizationId=organization, Name="ann", DisplayName="Ann")["UserId"]
    kms.disable_key(KeyId=good)
    registration = {"OrganizationId": organization, "EntityId": user, "Email": "ann@acme.mail.test"}
    with pytest.raises(workmail.exceptions.OrganizationStateException, match="KMS key"):
        workmail.register_to_work_mail(**registration)
    kms.enable_key(KeyId=good)
    workmail.register_to_work_mail(**registration)


def test_a_role_for_the_event_log(workmail: Any, acme: str) -> None:
    iam = boto3.client("iam")

    def trust(statement: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    workmails = {
        "Effect": "Allow",
        "Principal": {"Service": "events.workmail.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(RoleName="events", Path="/mail/", AssumeRolePolicyDocument=trust(workmails))["Role"]["Arn"]
    boto3.client("logs").create_log_group(logGroupName="workmail-monitoring")
    request = {
        "OrganizationId": acme,
        "LogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:workmail-monitoring:*",
        "RoleArn": role,
    }
    with pytest.raises(workmail.exceptions.InvalidParameterException, match="Its tag postroom:event-log must name"):
        workmail.put_email_monitoring_configuration(**request)
    iam.tag_role(RoleName="events", Tags=[{"Key": consent.EVENT_LOG, "Value": acme}])
    with pytest.raises(workmail.exceptions.InvalidParameterException) as caught:
        workmail.put_email_monitoring_configuration(**request)
    said = caught.value.response["Error"]["Message"]
    statement = json.loads(said[said.index("{") :])
    assert statement["Principal"] == {"AWS": [RECORD_EVENTS_ROLE]}
    iam.update_assume_role_policy(RoleName="events", PolicyDocument=trust(statement))
    workmail.put_email_monitoring_configuration(**request)
    found = workmail.describe_email_monitoring_configuration(OrganizationId=acme)
    assert (found["RoleArn"], found["LogGroupArn"]) == (role, request["LogGroupArn"])
    with pytest.raises(workmail.exceptions.ResourceNotFoundException, match="no role"):
        workmail.put_email_monitoring_configuration(**request | {"RoleArn": role + "x"})
    with pytest.raises(workmail.exceptions.ResourceNotFoundException, match="no log group"):
        workmail.put_email_monitoring_configuration(
            **request | {"LogGroupArn": request["LogGroupArn"].replace("monitoring", "monitor")}
        )


def test_passwords_are_kept_as_argon2_hashes_only(workmail: Any, acme: str) -> None:
    make_user(workmail, acme, "ann")
    rows = json.dumps(boto3.client("dynamodb").scan(TableName="directory")["Items"])
    assert "$argon2id$" in rows
    assert "Secret-1" not in rows


def test_of_two_requests_at_once_one_gets_the_address(workmail: Any, acme: str) -> None:
    users = [
        workmail.create_user(OrganizationId=acme, Name=f"u{number}", DisplayName="x")["UserId"] for number in range(4)
    ]
    outcome: list[str] = []
    start = threading.Barrier(len(users))

    def register(user: str) -> None:
        start.wait()
        try:
            workmail.register_to_work_mail(OrganizationId=acme, EntityId=user, Email="ceo@example.com")
        except workmail.exceptions.ClientError as error:
            outcome.append(error.response["Error"]["Code"])
        else:
            outcome.append("won")

    threads = [threading.Thread(target=register, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["EmailAddressInUseException"] * 3 + ["won"]


EWS = {"EwsEndpoint": "https://mail.partner.example/EWS/Exchange.asmx", "EwsUsername": "free-busy@partner.example"}
EWS_PASSWORD = "s3cret w\u00f6rd"
FREE_BUSY = {"LambdaArn": "arn:aws:lambda:eu-west-1:210987654321:function:free-busy"}


def test_the_life_of_availability_configurations(workmail: Any, acme: str, settings: AdminApiSettings) -> None:
    named, raised = {"OrganizationId": acme, "DomainName": "partner.example"}, workmail.exceptions
    with_password = {"EwsProvider": {**EWS, "EwsPassword": EWS_PASSWORD}}
    with pytest.raises(raised.ResourceNotFoundException):
        workmail.update_availability_configuration(**named, **with_password)
    with pytest.raises(raised.InvalidParameterException, match="exactly one provider"):
        workmail.create_availability_configuration(**named)
    workmail.create_availability_configuration(**named, LambdaProvider=FREE_BUSY)
    with pytest.raises(raised.NameAvailabilityException):
        workmail.create_availability_configuration(**named, LambdaProvider=FREE_BUSY)
    workmail.update_availability_configuration(**named, **with_password)
    (found,) = workmail.list_availability_configurations(OrganizationId=acme)["AvailabilityConfigurations"]
    assert dt.timedelta() <= found.pop("DateModified") - found.pop("DateCreated") < dt.timedelta(minutes=1)
    assert found == {"DomainName": "partner.example", "ProviderType": "EWS", "EwsProvider": EWS}
    secrets = boto3.client("secretsmanager")
    (secret,) = secrets.list_secrets()["SecretList"]
    assert secret["Name"] == f"postroom/availability/{acme}/partner.example/ews"
    assert secret["KmsKeyId"] == settings.stack_key_arn
    assert secrets.get_secret_value(SecretId=secret["Name"])["SecretString"] == EWS_PASSWORD
    assert EWS_PASSWORD not in repr(boto3.client("dynamodb").scan(TableName=settings.directory_table)["Items"])
    workmail.delete_availability_configuration(**named)
    assert workmail.list_availability_configurations(OrganizationId=acme)["AvailabilityConfigurations"] == []
    assert secrets.list_secrets()["SecretList"] == []


def test_a_test_of_a_provider_has_the_models_answer(
    workmail: Any, acme: str, route_lambda: Callable[[Callable[[dict[str, Any]], Any]], None]
) -> None:
    asked: list[dict[str, Any]] = []

    def answer(event: dict[str, Any]) -> dict[str, str]:
        asked.append(event["test"])
        return {"failure": "" if len(asked) == 1 else "The EWS server refused the user name or the password."}

    route_lambda(answer)
    named = {"OrganizationId": acme}
    found = workmail.test_availability_configuration(**named, LambdaProvider=FREE_BUSY)
    assert {name: found[name] for name in found if name != "ResponseMetadata"} == {"TestPassed": True}
    found = workmail.test_availability_configuration(**named, EwsProvider={**EWS, "EwsPassword": EWS_PASSWORD})
    assert found["TestPassed"] is False
    assert found["FailureReason"] == "The EWS server refused the user name or the password."
    assert asked[1]["password"] == EWS_PASSWORD
    with pytest.raises(workmail.exceptions.ResourceNotFoundException):
        workmail.test_availability_configuration(**named, DomainName="nothing.example")


def test_the_paginator_walks_every_page_of_availability_configurations(workmail: Any, acme: str) -> None:
    names = [f"d{number}.example" for number in range(5)]
    for name in names:
        workmail.create_availability_configuration(OrganizationId=acme, DomainName=name, LambdaProvider=FREE_BUSY)
    paginator = workmail.get_paginator("list_availability_configurations")
    pages = list(paginator.paginate(OrganizationId=acme, PaginationConfig={"PageSize": 2}))
    found = [[row["DomainName"] for row in page["AvailabilityConfigurations"]] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]]


def test_the_password_of_a_provider_is_in_no_log(
    workmail: Any, acme: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    named = {"OrganizationId": acme, "DomainName": "partner.example"}
    workmail.create_availability_configuration(**named, EwsProvider={**EWS, "EwsPassword": EWS_PASSWORD})
    with pytest.raises(workmail.exceptions.NameAvailabilityException) as caught:
        workmail.create_availability_configuration(**named, EwsProvider={**EWS, "EwsPassword": EWS_PASSWORD})
    said = capsys.readouterr()
    assert EWS_PASSWORD not in "".join((caplog.text, said.out, said.err, str(caught.value)))
