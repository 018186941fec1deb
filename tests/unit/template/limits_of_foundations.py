"""The table of limits: CloudFormation itself, alarms and logs, roles and keys.

Hard limits, and quotas of an account that nobody has raised, that cfn-lint lets pass. A row says what is measured,
how much AWS takes, and where AWS says so. ``docs`` is docs.aws.amazon.com.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from .deployed import Deployed, json_size
from .limits import TEMPLATE, Limit, Properties, count, keys, length, many, one, physical_name, policy, size

CLOUDFORMATION: Final = "docs/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
ALARM: Final = "docs/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
ALARMS: Final = "docs/AmazonCloudWatch/latest/monitoring/alarm-limits.html: a hard limit that cannot be increased"
DASHBOARDS: Final = "docs/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html, Dashboards"
FREE: Final = (
    "aws.amazon.com/cloudwatch/pricing: three dashboards with up to 50 metrics each are free, in all Regions together"
)
LOGS: Final = "docs/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
IAM: Final = "docs/IAM/latest/UserGuide/reference_iam-quotas.html"
KMS: Final = "docs/kms/latest/developerguide/resource-limits.html"
MB: Final = 1024 * 1024
DASHBOARD: Final = "AWS::CloudWatch::Dashboard"
ALARM_TYPE, ROLE, KEY, QUEUE = "AWS::CloudWatch::Alarm", "AWS::IAM::Role", "AWS::KMS::Key", "AWS::SQS::Queue"


def packaged_size(body: Properties, stack: Deployed) -> Iterator[float]:
    """Measure the template after the transform, which is the longer one."""
    return iter([json_size(stack.body)])


def parameter_values(body: Properties, stack: Deployed) -> Iterator[float]:
    """Measure every parameter at its longest."""
    return (len(value.encode()) for value in stack.parameters.values())


def math_metrics(alarm: Properties, stack: Deployed) -> Iterator[float]:
    """Count the metrics that a metric-math alarm reads."""
    if "Metrics" in alarm:
        yield sum("MetricStat" in each for each in alarm["Metrics"])


def expressions(alarm: Properties, stack: Deployed) -> Iterator[float]:
    """Count the expressions of a metric-math alarm."""
    if "Metrics" in alarm:
        yield sum("Expression" in each for each in alarm["Metrics"])


def watched(alarm: Properties, stack: Deployed) -> Iterator[float]:
    """Count the results that an alarm watches; ReturnData is true where it is left out."""
    if "Metrics" in alarm:
        yield sum(bool(each.get("ReturnData", True)) for each in alarm["Metrics"])


def evaluated_seconds(alarm: Properties, stack: Deployed) -> Iterator[float]:
    """Measure the time that an alarm evaluates, as a share of the most that its period allows."""
    periods = [alarm["Period"]] if "Period" in alarm else []
    periods += [each["MetricStat"]["Period"] for each in alarm.get("Metrics", ()) if "MetricStat" in each]
    for period in periods:
        yield period * alarm["EvaluationPeriods"] / (7 if period >= 3600 else 1)


def widgets(dashboard: Properties) -> list[Any]:
    """Read the widgets of a dashboard; its body is JSON."""
    found: list[Any] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


def metrics_of(dashboard: Properties) -> list[int]:
    """Return how many metrics each widget shows."""
    return [len(each.get("properties", {}).get("metrics", ())) for each in widgets(dashboard)]


def dashboard_of(*metrics: int) -> dict[str, Any]:
    """Return a dashboard with a widget per number, which shows so many metrics."""
    body = {"widgets": [{"type": "metric", "properties": {"metrics": [["n", "m"]] * each}} for each in metrics]}
    return one(DASHBOARD, DashboardBody=json.dumps(body))


def inline_policies(role: Properties, stack: Deployed) -> Iterator[float]:
    """Measure a role's inline policies together."""
    yield sum(json_size(each["PolicyDocument"]) for each in role.get("Policies", ()))


def filters_of_groups(stack: Deployed) -> Iterator[float]:
    """Count the subscription filters of each log group that has any."""
    groups = [each["LogGroupName"] for _, each in stack.of_type("AWS::Logs::SubscriptionFilter")]
    return (groups.count(group) for group in set(groups))


def alarm_of(metrics: int) -> dict[str, Any]:
    """Return an alarm on the sum of so many metrics."""
    stats = [{"Id": f"m{n}", "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": 300}} for n in range(metrics)]
    total = {"Id": "all", "Expression": "SUM(METRICS())"}
    return one("AWS::CloudWatch::Alarm", EvaluationPeriods=3, Metrics=[total, *stats])


OF_CLOUDFORMATION: Final = (
    Limit(TEMPLATE, "resources", 500, CLOUDFORMATION, count("Resources"), many(QUEUE, 501)),
    Limit(
        TEMPLATE,
        "parameters",
        200,
        CLOUDFORMATION,
        count("Parameters"),
        {"Parameters": {f"P{n}": {} for n in range(201)}},
    ),
    Limit(TEMPLATE, "outputs", 200, CLOUDFORMATION, count("Outputs"), {"Outputs": {f"O{n}": {} for n in range(201)}}),
    Limit(
        TEMPLATE, "mappings", 200, CLOUDFORMATION, count("Mappings"), {"Mappings": {f"M{n}": {} for n in range(201)}}
    ),
    Limit(
        TEMPLATE,
        "attributes of a mapping",
        200,
        CLOUDFORMATION,
        count("Mappings", "*", "*"),
        {"Mappings": {"M": {"k": {f"a{n}": 1 for n in range(201)}}}},
    ),
    Limit(
        TEMPLATE, "bytes of the description", 1024, CLOUDFORMATION, length("Description"), {"Description": "d" * 1025}
    ),
    Limit(TEMPLATE, "bytes of a template in S3", MB, CLOUDFORMATION, packaged_size, {"Metadata": "m" * MB}),
    Limit(
        TEMPLATE,
        "characters of a logical id",
        255,
        CLOUDFORMATION,
        keys("Resources"),
        {"Resources": {"R" * 256: {"Type": QUEUE}}},
    ),
    Limit(
        TEMPLATE,
        "characters of a parameter's name",
        255,
        CLOUDFORMATION,
        keys("Parameters"),
        {"Parameters": {"P" * 256: {}}},
    ),
    Limit(
        TEMPLATE,
        "bytes of a parameter's value",
        4096,
        CLOUDFORMATION,
        parameter_values,
        {"Parameters": {"P": {"MaxLength": 4097}}},
    ),
    Limit(
        TEMPLATE,
        "characters of a parameter's description",
        4000,
        "docs/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html",
        length("Parameters", "*", "Description"),
        {"Parameters": {"P": {"Description": "d" * 4001}}},
    ),
    Limit(
        TEMPLATE, "characters of an output's name", 255, CLOUDFORMATION, keys("Outputs"), {"Outputs": {"O" * 256: {}}}
    ),
    Limit(
        TEMPLATE,
        "bytes of an output's description",
        1024,
        "docs/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html",
        length("Outputs", "*", "Description"),
        {"Outputs": {"O": {"Description": "d" * 1025}}},
    ),
)

OF_ALARMS: Final = (
    Limit(ALARM_TYPE, "metrics of a metric-math alarm", 10, ALARMS, math_metrics, alarm_of(12)),
    Limit(
        ALARM_TYPE,
        "expressions of a metric-math alarm",
        10,
        ALARM,
        expressions,
        one(ALARM_TYPE, EvaluationPeriods=1, Metrics=[{"Expression": "1"}] * 11),
    ),
    Limit(
        ALARM_TYPE,
        "results that an alarm watches",
        1,
        ALARM,
        watched,
        one(ALARM_TYPE, EvaluationPeriods=1, Metrics=[{"Expression": "a"}, {"Expression": "b"}]),
        least=1,
    ),
    Limit(
        ALARM_TYPE, "actions for one state", 5, ALARM, count("AlarmActions"), one(ALARM_TYPE, AlarmActions=["a"] * 6)
    ),
    Limit(
        ALARM_TYPE,
        "characters of the description",
        1024,
        ALARM,
        length("AlarmDescription"),
        one(ALARM_TYPE, AlarmDescription="d" * 1025),
    ),
    Limit(ALARM_TYPE, "dimensions", 30, ALARM, count("Dimensions"), one(ALARM_TYPE, Dimensions=[{}] * 31)),
    Limit(
        ALARM_TYPE, "characters of the namespace", 255, ALARM, length("Namespace"), one(ALARM_TYPE, Namespace="n" * 256)
    ),
    Limit(
        ALARM_TYPE,
        "seconds of a day that it looks back (of a week, with periods of an hour or more)",
        86_400,
        ALARM,
        evaluated_seconds,
        one(ALARM_TYPE, Period=300, EvaluationPeriods=289),
    ),
    Limit(
        DASHBOARD,
        "widgets of a dashboard",
        500,
        DASHBOARDS,
        lambda dashboard, _: iter([len(widgets(dashboard))]),
        dashboard_of(*[1] * 501),
        least=1,
    ),
    Limit(
        DASHBOARD,
        "metrics of a widget",
        500,
        DASHBOARDS,
        lambda dashboard, _: iter(metrics_of(dashboard)),
        dashboard_of(501),
    ),
    Limit(
        DASHBOARD,
        "metrics of a dashboard",
        50,
        FREE,
        lambda dashboard, _: iter([sum(metrics_of(dashboard))]),
        dashboard_of(26, 26),
    ),
    Limit(
        "AWS::Logs::LogGroup",
        "characters of the name",
        512,
        LOGS,
        length("LogGroupName"),
        one("AWS::Logs::LogGroup", LogGroupName="g" * 513),
    ),
    Limit(
        TEMPLATE,
        "subscription filters of a log group",
        2,
        LOGS,
        lambda _, stack: filters_of_groups(stack),
        many("AWS::Logs::SubscriptionFilter", 3, LogGroupName="g"),
    ),
    Limit(
        TEMPLATE,
        "resource policies of CloudWatch Logs in a Region",
        10,
        LOGS,
        lambda _, stack: iter([sum(1 for _ in stack.of_type("AWS::Logs::ResourcePolicy"))]),
        many("AWS::Logs::ResourcePolicy", 11, PolicyDocument="{}"),
    ),
    Limit(
        "AWS::Logs::ResourcePolicy",
        "characters of the policy",
        5120,
        LOGS,
        length("PolicyDocument"),
        one("AWS::Logs::ResourcePolicy", PolicyDocument="p" * 5121),
    ),
)

OF_IDENTITIES: Final = (
    Limit(
        ROLE,
        "characters of all inline policies",
        10_240,
        IAM,
        inline_policies,
        one(ROLE, Policies=[{"PolicyDocument": policy(110)}, {"PolicyDocument": policy(110)}]),
    ),
    Limit(ROLE, "managed policies", 10, IAM, count("ManagedPolicyArns"), one(ROLE, ManagedPolicyArns=["arn"] * 11)),
    Limit(
        "AWS::IAM::ManagedPolicy",
        "characters of the policy",
        6144,
        IAM,
        size("PolicyDocument"),
        one("AWS::IAM::ManagedPolicy", PolicyDocument=policy(150)),
    ),
    Limit(
        "AWS::IAM::ManagedPolicy",
        "characters of the description",
        1000,
        "docs/IAM/latest/APIReference/API_CreatePolicy.html",
        length("Description"),
        one("AWS::IAM::ManagedPolicy", Description="d" * 1001),
    ),
    Limit(
        ROLE,
        "characters of the trust policy",
        2048,
        IAM,
        size("AssumeRolePolicyDocument"),
        one(ROLE, AssumeRolePolicyDocument=policy(50)),
    ),
    Limit(
        ROLE,
        "characters of a policy's name",
        128,
        IAM,
        length("Policies", "*", "PolicyName"),
        one(ROLE, Policies=[{"PolicyName": "p" * 129, "PolicyDocument": policy(1)}]),
    ),
    Limit(TEMPLATE, "characters of a role's name", 64, IAM, physical_name(ROLE), one(ROLE, RoleName="r" * 65)),
    Limit(
        KEY,
        "bytes of the key policy",
        32_768,
        KMS,
        size("KeyPolicy"),
        one(KEY, KeyPolicy=policy(1000)),
    ),
    Limit(
        KEY,
        "characters of the description",
        8192,
        "docs/kms/latest/APIReference/API_CreateKey.html",
        length("Description"),
        one(KEY, Description="d" * 8193),
    ),
    Limit(
        "AWS::KMS::Alias",
        "characters of the alias",
        256,
        "docs/kms/latest/APIReference/API_CreateAlias.html",
        length("AliasName"),
        one("AWS::KMS::Alias", AliasName="alias/" + "a" * 251),
    ),
)
