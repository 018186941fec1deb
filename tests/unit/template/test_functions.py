"""Every function has the permissions that it needs and no others."""

import copy
import re
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest

from postroom.adapters.aws.gateway_passwords import GATEWAY, ORGANIZATION
from postroom.adapters.aws.owned_rows import owned_key
from postroom.adapters.aws.transit_keys import USE
from postroom.model import consent
from postroom.model.failed_logins import FailedLogins, key_of
from postroom.model.identity import PersonalAccessToken

from .conftest import ROOT, Template, listed, subject

FUNCTIONS: Final = {
    "IngestFunction": "ingest",
    "RunSyncRuleFunction": "run_sync_rule",
    "RunAsyncRuleFunction": "run_async_rule",
    "DeliverFunction": "deliver",
    "UpdateCalendarFunction": "update_calendar",
    "TransmitFunction": "transmit",
    "RecordFeedbackFunction": "record_feedback",
    "BounceFunction": "bounce",
    "PlanExportFunction": "plan_export",
    "PackExportFunction": "pack_export",
    "SealExportFunction": "seal_export",
    "ImportMailboxFunction": "import_mailbox",
    "RecordEventsFunction": "record_events",
    "RetryEventsFunction": "retry_events",
    "WriteAuditLogFunction": "write_audit_log",
    "ParkFunction": "park",
    "SweepFunction": "sweep",
    "RemoveMailboxesFunction": "remove_mailboxes",
    "DeleteOrganizationsFunction": "delete_organizations",
    "WriteAuditDigestsFunction": "write_audit_digests",
    "AdminApiFunction": "admin_api",
    "MessageFlowApiFunction": "message_flow_api",
    "SubmitFunction": "submit",
    "AcceptOutboundFunction": "accept_outbound",
    "QueryAvailabilityFunction": "query_availability",
    "AuthenticateFunction": "authenticate",
    "EwsFunction": "ews",
    "ActivateRuleSetFunction": "activate_rule_set",
}
TABLES: Final = {
    "DIRECTORY_TABLE": "DirectoryTable",
    "LEDGER_TABLE": "LedgerTable",
    "TRANSIT_TABLE": "TransitTable",
    "MAILBOX_TABLE": "MailboxTable",
}
QUEUES: Final = {
    "RUN_SYNC_RULE_QUEUE_URL": "RunSyncRuleQueue",
    "RUN_ASYNC_RULE_QUEUE_URL": "RunAsyncRuleQueue",
    "DELIVER_QUEUE_URL": "DeliverQueue",
    "UPDATE_CALENDAR_QUEUE_URL": "UpdateCalendarQueue",
    "BOUNCE_QUEUE_URL": "BounceQueue",
    "TRANSMIT_QUEUE_URL": "TransmitQueue",
    "FEEDBACK_QUEUE_URL": "FeedbackQueue",
    "PLAN_EXPORT_QUEUE_URL": "PlanExportQueue",
    "PACK_EXPORT_QUEUE_URL": "PackExportQueue",
    "SEAL_EXPORT_QUEUE_URL": "SealExportQueue",
    "IMPORT_MAILBOX_QUEUE_URL": "ImportMailboxQueue",
    "INGEST_QUEUE_URL": "IngestQueue",
    "DEAD_LETTER_QUEUE_URL": "DeadLetterQueue",
    "RETRY_EVENTS_QUEUE_URL": "RetryEventsQueue",
    "AUDIT_QUEUE_URL": "AuditQueue",
    "RETRY_AUDIT_QUEUE_URL": "RetryAuditQueue",
}
EXPORTS: Final = {"PlanExportFunction", "PackExportFunction", "SealExportFunction"}
ACTIONS_WITH_WILDCARDS: Final = {"kms:ReEncrypt*"}  # KMS has ReEncryptFrom and ReEncryptTo, always wanted together

each_function = pytest.mark.parametrize("function", FUNCTIONS)


def test_there_is_one_function_for_each_folder_in_the_order_of_the_way(template: Template) -> None:
    assert list(template.functions) == list(FUNCTIONS)
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == set(FUNCTIONS.values())


@each_function
def test_a_function_is_its_folder(template: Template, function: str) -> None:
    properties = template.functions[function]
    folder = FUNCTIONS[function]
    assert properties["CodeUri"] == f"functions/{folder}/"
    assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == folder
    assert template.resources[function]["Metadata"] == {"SkipBuild": True}


@each_function
def test_a_function_has_a_role_of_its_own(template: Template, function: str) -> None:
    others = {template.role_of(each) for each in FUNCTIONS if each != function}
    if function in {"RecordEventsFunction", "RetryEventsFunction"}:
        assert template.role_of(function) == "RecordEventsFunctionRole", "customers' roles trust one principal"
    else:
        assert template.role_of(function) not in others


@each_function
def test_a_function_writes_to_its_own_log_group_which_forgets(template: Template, function: str) -> None:
    group = f"{function}LogGroup"
    assert subject(template.functions[function]["LoggingConfig"]["LogGroup"]) == group
    assert subject(template.resources[group]["Properties"]["RetentionInDays"]) == "LogRetentionDays"
    assert template.allowed(function, group, "logs:PutLogEvents")


def told_by_role(template: Template, function: str) -> set[str]:
    """Return the variables of every function that has this one's role."""
    sharing = [each for each in FUNCTIONS if template.role_of(each) == template.role_of(function)]
    return set().union(*(template.variables(each) for each in sharing))


@each_function
def test_a_function_may_use_exactly_the_tables_in_its_variables(template: Template, function: str) -> None:
    told = {TABLES[name] for name in told_by_role(template, function) if name in TABLES}
    usable = {
        table
        for table in TABLES.values()
        if any(
            template.allowed(function, table, f"dynamodb:{action}")
            for action in ("BatchGetItem", "GetItem", "PutItem", "Query")
        )
    }
    assert usable == told


@each_function
def test_a_function_may_send_to_exactly_the_queues_in_its_variables(template: Template, function: str) -> None:
    told = {QUEUES[name] for name in told_by_role(template, function) if name in QUEUES}
    if template.role_of(function) == "RecordEventsFunctionRole":
        told.add("DeadLetterQueue")  # Lambda sends there, with this role, what the stream's mapping gives up
    usable = {queue for queue in QUEUES.values() if template.allowed(function, queue, "sqs:SendMessage")}
    assert usable == told


@each_function
def test_a_function_may_read_exactly_the_queues_that_feed_it(template: Template, function: str) -> None:
    def fed_by(each: str) -> set[str]:
        events = template.functions[each].get("Events", {}).values()
        return {subject(event["Properties"]["Queue"]) for event in events if event["Type"] == "SQS"}

    sharing = [each for each in FUNCTIONS if template.role_of(each) == template.role_of(function)]
    expected = set().union(*(fed_by(each) for each in sharing))
    readable = {
        queue
        for queue in template.of_type("AWS::SQS::Queue")
        if template.allowed(function, queue, "sqs:ReceiveMessage")
    }
    assert readable == expected


def test_only_those_that_change_the_directory_check_rows_that_they_do_not_write(template: Template) -> None:
    checking = {
        (each, table)
        for each in FUNCTIONS
        for table in TABLES.values()
        if template.allowed(each, table, "dynamodb:ConditionCheckItem")
    }
    changing = ("AdminApiFunction", "DeleteOrganizationsFunction", "EwsFunction")
    assert checking == {(each, "DirectoryTable") for each in changing}


def test_only_events_that_wait_and_races_for_a_mailbox_are_postponed(template: Template) -> None:
    postponing = {
        queue
        for queue in template.of_type("AWS::SQS::Queue")
        if any(template.allowed(each, queue, "sqs:ChangeMessageVisibility") for each in FUNCTIONS)
    }
    assert postponing == {
        "RetryEventsQueue",
        "RetryAuditQueue",
        "DeliverQueue",
        "UpdateCalendarQueue",
        "TransmitQueue",
    }


def test_deliver_may_take_nothing_out_of_a_mailbox(template: Template) -> None:
    assert not template.allowed("DeliverFunction", "MailboxTable", "dynamodb:DeleteItem")
    assert template.allowed("DeliverFunction", "TransitTable", "dynamodb:DeleteItem")


@each_function
def test_a_function_that_reads_objects_can_tell_missing_from_forbidden(template: Template, function: str) -> None:
    for bucket in ("InboundBucket", "MailBucket"):
        if template.allowed(function, bucket, "s3:GetObject"):
            assert template.allowed(function, bucket, "s3:ListBucket"), bucket


def test_the_admin_api_may_write_versions_of_rules_look_at_buckets_of_callers_and_reach_no_mail(
    template: Template,
) -> None:
    rules, looks, lists = [
        statement
        for statement in template.statements("AdminApiFunction")
        if any(str(action).startswith("s3:") for action in listed(statement["Action"]))
    ]
    assert rules["Action"] == "s3:PutObject"
    assert rules["Resource"] == {"Fn::Sub": "${InboundBucket.Arn}/rules/*"}
    assert looks["Action"] == ["s3:GetBucketAcl", "s3:GetBucketPolicyStatus"]
    assert lists["Action"] == "s3:ListBucket"
    for each in (looks, lists):
        assert each["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}


@each_function
def test_the_stacks_key_is_used_directly_for_passwords_of_gateways_and_keys_in_transit_alone(
    template: Template, function: str
) -> None:
    """Statements that use the stack's key directly, not through a service that keeps tables, queues or objects."""
    direct = {
        (str(action), *sorted(str(name) for names in each["Condition"].values() for name in names))
        for each in template.statements(function)
        for action in listed(each["Action"])
        if action.startswith("kms:")
        and "StackKey" in map(subject, listed(each["Resource"]))
        and "kms:ViaService" not in str(each["Condition"])
    }
    gateway = (f"kms:EncryptionContext:{ORGANIZATION}", f"kms:EncryptionContext:{GATEWAY}")
    transit = f"kms:EncryptionContext:{USE}"
    expected = {
        "AdminApiFunction": {("kms:Encrypt", *gateway)},
        "SubmitFunction": {("kms:Decrypt", transit), ("kms:GenerateDataKeyWithoutPlaintext", transit)},
        "TransmitFunction": {("kms:Decrypt", *gateway), ("kms:Decrypt", transit)},
    }
    assert direct == expected.get(function, set())


@each_function
def test_passwords_of_availability_providers_are_kept_by_one_function_and_read_by_another(
    template: Template, function: str
) -> None:
    actions: dict[str, set[str]] = {}
    for statement in template.statements(function):
        for action in listed(statement["Action"]):
            if action.startswith("secretsmanager:"):
                assert "Condition" not in statement
                actions.setdefault(str(statement["Resource"]), set()).add(action.removeprefix("secretsmanager:"))
    name = template.variables(function).get("AVAILABILITY_SECRET_PREFIX", {}).get("Fn::Sub")
    arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{name}*"}
    expected: dict[str, dict[str, set[str]]] = {
        "AdminApiFunction": {str(arn): {"CreateSecret", "PutSecretValue", "DeleteSecret"}},
        "DeleteOrganizationsFunction": {str(arn): {"DeleteSecret"}, "*": {"ListSecrets"}},
        "QueryAvailabilityFunction": {str(arn): {"GetSecretValue"}},
    }
    assert actions == expected.get(function, {})
    assert (name == "${AWS::StackName}/availability/") == (function in expected)


def test_only_the_functions_that_keep_and_read_secrets_use_the_stack_key_through_their_service(
    template: Template,
) -> None:
    using = {each for each in FUNCTIONS if "secretsmanager.$" in str([*template.statements(each)])}
    assert using == {"AdminApiFunction", "QueryAvailabilityFunction"}


@each_function
def test_only_three_functions_may_invoke_functions_and_two_others_one_of_ours(
    template: Template, function: str
) -> None:
    found = [
        str(each["Resource"]) for each in template.statements(function) if "lambda:InvokeFunction" in each["Action"]
    ]
    anywhere = "arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:*"
    ours = ("QueryAvailabilityFunction", "SubmitFunction")
    here = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"
    expected = {
        "RunSyncRuleFunction": [str({"Fn::Sub": here})],
        "RunAsyncRuleFunction": [str({"Fn::Sub": here})],
        "QueryAvailabilityFunction": [str({"Fn::Sub": anywhere})],
        "AdminApiFunction": [str([{"Fn::GetAtt": [each, "Arn"]} for each in ours])],
        "EwsFunction": [str({"Fn::GetAtt": ["QueryAvailabilityFunction", "Arn"]})],
    }
    assert found == expected.get(function, [])


def test_only_sweep_may_list_and_retire_raw_mail(template: Template) -> None:
    removing = {each for each in FUNCTIONS if template.allowed(each, "InboundBucket", "s3:DeleteObject")}
    assert removing == {"SweepFunction", "DeleteOrganizationsFunction"}
    assert template.allowed("SweepFunction", "InboundBucket", "s3:ListBucket")


def test_only_stations_of_mailboxes_and_the_functions_of_removal_may_remove_sealed_mail(template: Template) -> None:
    removing = {each for each in FUNCTIONS if template.allowed(each, "MailBucket", "s3:DeleteObject")}
    stations = {"DeliverFunction", "UpdateCalendarFunction", "ImportMailboxFunction", "SubmitFunction"}
    assert removing - EXPORTS == stations | {"RemoveMailboxesFunction", "DeleteOrganizationsFunction"}


def test_exports_write_and_remove_what_they_stage_and_read_sealed_mail_beside(template: Template) -> None:
    for function in EXPORTS:
        writing = [
            each["Resource"]
            for each in template.statements(function)
            if {"s3:PutObject", "s3:DeleteObject"} & set(listed(each["Action"]))
        ]
        assert writing == [{"Fn::Sub": "${MailBucket.Arn}/exports/*"}]
        reading = [each["Resource"] for each in template.statements(function) if each["Action"] == "s3:GetObject"]
        assert reading == ([{"Fn::Sub": "${MailBucket.Arn}/mail/*"}] if function == "PackExportFunction" else [])


def test_no_function_may_remove_an_old_version_of_sealed_mail(template: Template) -> None:
    assert not [each for each in FUNCTIONS if template.allowed(each, "MailBucket", "s3:DeleteObjectVersion")]


def test_deliver_may_keep_the_notices_it_writes(template: Template) -> None:
    assert template.allowed("DeliverFunction", "InboundBucket", "s3:PutObject")


@pytest.mark.parametrize("function", ["MessageFlowApiFunction", "SubmitFunction"])
def test_customers_objects_are_read_in_this_account_alone(template: Template, function: str) -> None:
    found = [each for each in template.statements(function) if "s3:::*" in str(each["Resource"])]
    here = {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    assert [each["Condition"] for each in found] == [here, here]
    assert [each["Action"] for each in found] == [
        ["s3:GetObject", "s3:GetObjectVersion"],
        ["s3:GetBucketPolicy", "s3:GetBucketTagging", "s3:ListBucket"],
    ]
    assert all(each["Resource"]["Fn::If"][0] == "ListsContentBuckets" for each in found), "a list limits both"


@each_function
def test_roles_of_customers_are_assumed_with_their_tag_and_the_organization_alone(
    template: Template, function: str
) -> None:
    tags = {
        **dict.fromkeys(EXPORTS, consent.MAILBOX_EXPORT),
        "ImportMailboxFunction": consent.MAILBOX_IMPORT,
        "RecordEventsFunction": consent.EVENT_LOG,
        "RetryEventsFunction": consent.EVENT_LOG,
    }
    assuming = [each for each in template.statements(function) if each["Action"] == "sts:AssumeRole"]
    organization = "arn:${AWS::Partition}:workmail:${AWS::Region}:${AWS::AccountId}:organization/*"
    wanted: dict[str, dict[str, Any]] = {"StringLike": {"sts:ExternalId": {"Fn::Sub": organization}}}
    if function in tags:
        wanted["StringLike"][f"aws:ResourceTag/{tags[function]}"] = "?*"
    assert [each["Condition"] for each in assuming] == ([wanted] if function in tags else [])


def test_a_deny_beats_every_allow(template: Template) -> None:
    changed = copy.copy(template)
    changed.resources = copy.deepcopy(template.resources)
    policy = changed.resources[changed.role_of("DeliverFunction")]["Properties"]["Policies"][0]["PolicyDocument"]
    table = {"Fn::GetAtt": ["TransitTable", "Arn"]}
    policy["Statement"].append({"Effect": "Deny", "Action": "dynamodb:DeleteItem", "Resource": table})
    assert template.allowed("DeliverFunction", "TransitTable", "dynamodb:DeleteItem")
    assert not changed.allowed("DeliverFunction", "TransitTable", "dynamodb:DeleteItem")


OWN: Final = {"MailBucket", "${MailBucket.Arn}/*", "${InboundBucket.Arn}/rules/*"}


@pytest.mark.parametrize(
    ("function", "not_needed"),
    [
        ("MessageFlowApiFunction", OWN),
        ("SubmitFunction", OWN - {"${InboundBucket.Arn}/rules/*"} | {"${InboundBucket.Arn}/inbound/*"}),
    ],
)
def test_functions_that_read_customers_objects_are_denied_the_stacks_own_that_they_do_not_need(
    template: Template, function: str, not_needed: set[str]
) -> None:
    (statement,) = template.statements(function, "Deny")
    assert set(statement["Action"]) == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}
    assert "Condition" not in statement
    denied = {str(subject(each)) if "Fn::GetAtt" in each else each["Fn::Sub"] for each in statement["Resource"]}
    assert denied == not_needed
    buckets = template.of_type("AWS::S3::Bucket")
    assert set(buckets) == {"MailBucket", "InboundBucket"}, "one more bucket that it must not read"


AUDITS: Final = {"WriteAuditLogFunction": "WorkMail", "WriteAuditDigestsFunction": "WorkMail-Digest"}


@pytest.mark.parametrize("function", AUDITS)
def test_audit_records_and_digests_are_put_below_their_own_folders_and_never_among_mail(
    template: Template, function: str
) -> None:
    writing = [each for each in template.statements(function) if "s3:PutObject" in each["Action"]]
    folders = [str(each["Resource"]["Fn::Sub"]).partition("/AWSLogs/${AWS::AccountId}/")[2] for each in writing]
    assert folders == [f"{AUDITS[function]}/*"]
    (denied,) = template.statements(function, "Deny")
    assert set(denied["Action"]) == {"s3:PutObject", "s3:PutObjectAcl"}
    assert "Condition" not in denied
    buckets = template.of_type("AWS::S3::Bucket")
    assert {each["Fn::Sub"] for each in denied["Resource"]} == {f"${{{bucket}.Arn}}/*" for bucket in buckets}


def test_the_authorizer_writes_rows_of_organizations_alone(template: Template) -> None:
    """Its caller is anyone who reaches the API. IAM knows the first part of a key only."""
    (writing,) = [each for each in template.statements("AuthenticateFunction") if "dynamodb:PutItem" in each["Action"]]
    assert writing["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["ORG#*"]}}
    partition, _ = owned_key(FailedLogins, "m-1", key_of("u-1", "192.0.2.1"))
    assert fnmatchcase(partition, "ORG#*")
    assert owned_key(PersonalAccessToken, "m-1", "t-1")[0] == partition


def test_digests_read_nothing_but_digests_and_records(template: Template) -> None:
    reading = [each for each in template.statements("WriteAuditDigestsFunction") if "s3:GetObject" in each["Action"]]
    (paths,) = [[each["Fn::Sub"].rpartition("${AWS::AccountId}/")[2] for each in it["Resource"]] for it in reading]
    assert paths == ["WorkMail-Digest/*", "WorkMail/*"]


def test_contents_that_are_put_are_never_stored_where_ses_stores(template: Template) -> None:
    writing = [each for each in template.statements("MessageFlowApiFunction") if "s3:PutObject" in each["Action"]]
    assert [each["Resource"] for each in writing] == [{"Fn::Sub": "${InboundBucket.Arn}/transit/*"}]


@each_function
def test_bounce_sends_mail_as_two_names_only_and_transmit_as_any(template: Template, function: str) -> None:
    sending = [
        each
        for each in template.statements(function)
        if any(action.startswith("ses:Send") for action in listed(each["Action"]))
    ]
    names = [each.get("Condition") for each in sending]
    own = {"StringLike": {"ses:FromAddress": ["postmaster@*", "mailer-daemon@*"]}}
    assert names == {"BounceFunction": [own], "TransmitFunction": [None]}.get(function, [])


@each_function
def test_facts_are_never_changed_nor_taken_back(template: Template, function: str) -> None:
    for action in ("dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"):
        assert not template.allowed(function, "LedgerTable", action)


@each_function
def test_plain_mailbox_keys_are_for_those_that_open_or_seal_mail(template: Template, function: str) -> None:
    def without_service(statement: Any) -> bool:
        return "kms:ViaService" not in str(statement.get("Condition", ""))

    direct = {
        action
        for statement in template.statements(function)
        if without_service(statement)
        for action in listed(statement["Action"])
        if action in {"kms:Decrypt", "kms:GenerateDataKey"}
    }
    others = {"Deliver", "UpdateCalendar", "QueryAvailability", "ImportMailbox", "Submit", "Transmit"}
    assert bool(direct) == (function.removesuffix("Function") in others or function in EXPORTS)


@each_function
def test_actions_are_named_one_by_one(template: Template, function: str) -> None:
    actions = [action for statement in template.statements(function) for action in listed(statement["Action"])]
    assert {action for action in actions if "*" in action} <= ACTIONS_WITH_WILDCARDS


def test_a_resource_that_is_open_says_why(template: Template) -> None:
    seen = 0
    for name, resource in template.resources.items():
        for statement in statements_of(resource):
            if not any(open_ended(each) for each in listed(statement.get("Resource", []))):
                continue
            seen += 1
            text = template.lines[statement.start_mark.line : statement.end_mark.line]
            assert any("# why" in line for line in text), f"{name}: {statement.get('Sid')}"
    assert seen >= 8


def statements_of(resource: Any) -> list[Any]:
    properties = resource.get("Properties", {})
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties[key] for key in ("PolicyDocument", "KeyPolicy") if key in properties]
    return [statement for document in documents for statement in document["Statement"]]


def open_ended(resource: Any) -> bool:
    """Say whether ``resource`` covers more than one thing of ours: the objects of our own buckets are ours."""
    text = resource["Fn::Sub"] if isinstance(resource, dict) and "Fn::Sub" in resource else resource
    return isinstance(text, str) and "*" in text and not re.match(r"\$\{\w+Bucket\.Arn\}/", text)
