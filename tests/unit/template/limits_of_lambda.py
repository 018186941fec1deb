"""The table of limits, continued: Lambda, its event sources, and API Gateway."""

import re
from collections.abc import Iterator
from typing import Any, Final

from .deployed import Deployed, json_size
from .limits import TEMPLATE, Limit, Properties, count, length, number, one, physical_name, size

LAMBDA: Final = "docs/lambda/latest/dg/gettingstarted-limits.html"
API: Final = "docs/lambda/latest/api"
SQS_SOURCE: Final = "docs/lambda/latest/dg/services-sqs-configure.html"
MAPPINGS: Final = f"{API}/API_CreateEventSourceMapping.html"
RESERVED: Final = (
    "docs/lambda/latest/dg/configuration-concurrency.html: 100 must stay unreserved, and a new account has 10"
)
REST: Final = "docs/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"
STREAMED: Final = "docs/apigateway/latest/developerguide/response-transfer-mode.html: 15 minutes"
FUNCTION, MAPPING, REST_API = "AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::ApiGateway::RestApi"
STAGE: Final = "AWS::ApiGateway::Stage"


def environment(function: Properties, stack: Deployed) -> Iterator[float]:
    """Measure a function's environment as JSON, which is longer than names and values."""
    if "Environment" in function:
        yield json_size(function["Environment"]["Variables"])


def permissions(_: Properties, stack: Deployed) -> Iterator[float]:
    """Measure each function's resource policy: its permissions with as much around each as Lambda writes."""
    around = (
        len('{"Sid":"","Effect":"Allow","Principal":{"Service":""},"Condition":{"ArnLike":{"AWS:SourceArn":""}}},')
        + 100
    )
    by_function: dict[str, float] = {}
    for _name, each in stack.of_type("AWS::Lambda::Permission"):
        function = str(each["FunctionName"])
        by_function[function] = by_function.get(function, 0) + json_size(each) + around
    return iter(by_function.values())


def queue_of(mapping: Properties, stack: Deployed) -> Properties | None:
    """Return the queue that a mapping reads, None if it reads something else."""
    source = str(mapping.get("EventSourceArn"))
    return stack.properties(source) if ":sqs:" in source else None


def hidden_beyond_the_timeout(mapping: Properties, stack: Deployed) -> Iterator[float]:
    """Measure how many seconds longer than the function may take its queue hides a message."""
    if (queue := queue_of(mapping, stack)) is not None:
        yield queue.get("VisibilityTimeout", 30) - stack.properties(mapping["FunctionName"])["Timeout"]


def hidden_times(mapping: Properties, stack: Deployed) -> Iterator[float]:
    """Measure how many times the function's timeout a message is hidden, the batch's window taken off."""
    if (queue := queue_of(mapping, stack)) is not None:
        window = int(mapping.get("MaximumBatchingWindowInSeconds", 0))  # a parameter's value is text
        hidden = queue.get("VisibilityTimeout", 30) - window
        yield hidden / stack.properties(mapping["FunctionName"])["Timeout"]


def batch_without_window(mapping: Properties, stack: Deployed) -> Iterator[float]:
    """Measure the batch of a mapping that waits for nothing."""
    if queue_of(mapping, stack) is not None and not mapping.get("MaximumBatchingWindowInSeconds"):
        yield mapping.get("BatchSize", 10)


def answering_times(api: Properties, stack: Deployed, *, streamed: bool) -> Iterator[float]:
    """Measure the timeouts of the functions that answer a REST API."""
    for path in api["Body"]["paths"].values():
        for method in path.values():
            integration = method["x-amazon-apigateway-integration"]
            if (integration.get("responseTransferMode") == "STREAM") == streamed:
                arn = re.search(r"functions/(arn:.+?)/", str(integration["uri"]))
                assert arn, integration["uri"]
                yield stack.properties(arn[1])["Timeout"]


def fed(queue: dict[str, Any], **mapping: Any) -> dict[str, Any]:
    """Return a template with a queue, a function of a minute, and a mapping between them."""
    source = {"EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]}, "FunctionName": {"Ref": "F"}}
    return {
        "Resources": {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": queue},
            "F": {"Type": FUNCTION, "Properties": {"Timeout": 60}},
            "M": {"Type": MAPPING, "Properties": source | mapping},
        }
    }


def answering(timeout_s: int, mode: str) -> dict[str, Any]:
    """Return a template with an API that a function answers."""
    uri = {"Fn::Sub": "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}
    method = {"x-amazon-apigateway-integration": {"uri": uri, "responseTransferMode": mode}}
    return {
        "Resources": {
            "F": {"Type": FUNCTION, "Properties": {"Timeout": timeout_s}},
            "A": {"Type": REST_API, "Properties": {"Body": {"paths": {"/": {"post": method}}}}},
        }
    }


OF_FUNCTIONS: Final = (
    Limit(
        FUNCTION,
        "bytes of the environment",
        4096,
        LAMBDA,
        environment,
        one(FUNCTION, Environment={"Variables": {"A": "v" * 4096}}),
    ),
    Limit(FUNCTION, "seconds of the timeout", 900, LAMBDA, number("Timeout"), one(FUNCTION, Timeout=901), least=1),
    Limit(
        FUNCTION,
        "MB of memory in a new account",
        3008,
        f"{LAMBDA}: new accounts have reduced memory quotas",
        number("MemorySize"),
        one(FUNCTION, MemorySize=3009),
        least=128,
    ),
    Limit(FUNCTION, "layers", 5, LAMBDA, count("Layers"), one(FUNCTION, Layers=["arn"] * 6)),
    Limit(
        FUNCTION,
        "characters of the description",
        256,
        f"{API}/API_CreateFunction.html",
        length("Description"),
        one(FUNCTION, Description="d" * 257),
    ),
    Limit(
        FUNCTION,
        "characters of the handler",
        128,
        f"{API}/API_CreateFunction.html",
        length("Handler"),
        one(FUNCTION, Handler="h" * 129),
    ),
    Limit(
        FUNCTION,
        "reserved concurrency",
        0,
        RESERVED,
        number("ReservedConcurrentExecutions"),
        one(FUNCTION, ReservedConcurrentExecutions=1),
    ),
    Limit(
        TEMPLATE,
        "characters of a function's name",
        64,
        f"{API}/API_CreateFunction.html",
        physical_name(FUNCTION),
        one(FUNCTION, FunctionName="f" * 65),
    ),
    Limit(
        TEMPLATE,
        "bytes of a function's resource policy",
        20_480,
        LAMBDA,
        permissions,
        {
            "Resources": {
                f"P{n}": {
                    "Type": "AWS::Lambda::Permission",
                    "Properties": {"FunctionName": "f", "SourceArn": "a" * 500},
                }
                for n in range(40)
            }
        },
    ),
    Limit(
        "AWS::Lambda::LayerVersion",
        "characters of the description",
        256,
        f"{API}/API_PublishLayerVersion.html",
        length("Description"),
        one("AWS::Lambda::LayerVersion", Description="d" * 257),
    ),
)

OF_MAPPINGS: Final = (
    Limit(
        MAPPING, "records in a batch", 10_000, MAPPINGS, number("BatchSize"), one(MAPPING, BatchSize=10_001), least=1
    ),
    Limit(
        MAPPING,
        "messages in a batch without a window",
        10,
        MAPPINGS,
        batch_without_window,
        fed({}, BatchSize=11),
        least=1,
    ),
    Limit(
        MAPPING,
        "seconds of the batch's window",
        300,
        MAPPINGS,
        number("MaximumBatchingWindowInSeconds"),
        one(MAPPING, MaximumBatchingWindowInSeconds=301),
    ),
    Limit(
        MAPPING,
        "invocations at once for a queue",
        1000,
        f"{API}/API_ScalingConfig.html",
        number("ScalingConfig", "MaximumConcurrency"),
        one(MAPPING, ScalingConfig={"MaximumConcurrency": 1}),
        least=2,
    ),
    Limit(
        MAPPING,
        "invocations at once for a shard",
        10,
        MAPPINGS,
        number("ParallelizationFactor"),
        one(MAPPING, ParallelizationFactor=11),
        least=1,
    ),
    Limit(
        MAPPING,
        "attempts for a batch of a stream",
        10_000,
        MAPPINGS,
        number("MaximumRetryAttempts"),
        one(MAPPING, MaximumRetryAttempts=10_001),
        least=-1,
    ),
    Limit(
        MAPPING,
        "filters",
        5,
        MAPPINGS,
        count("FilterCriteria", "Filters"),
        one(MAPPING, FilterCriteria={"Filters": [{}] * 6}),
    ),
    Limit(
        MAPPING,
        "characters of a filter's pattern",
        4096,
        f"{API}/API_Filter.html",
        length("FilterCriteria", "Filters", "*", "Pattern"),
        one(MAPPING, FilterCriteria={"Filters": [{"Pattern": "p" * 4097}]}),
    ),
    Limit(
        MAPPING,
        "seconds that the queue hides a message longer than the function may take (else the mapping is refused)",
        43_200,
        SQS_SOURCE,
        hidden_beyond_the_timeout,
        fed({"VisibilityTimeout": 59}),
    ),
    Limit(
        MAPPING,
        "times the function's timeout that its queue hides a message",
        43_200,
        SQS_SOURCE,
        hidden_times,
        fed({"VisibilityTimeout": 361}, MaximumBatchingWindowInSeconds=2),
        least=6,
    ),
)

OF_THE_API: Final = (
    Limit(
        REST_API,
        "seconds of a function that answers",
        29,
        REST,
        lambda api, stack: answering_times(api, stack, streamed=False),
        answering(30, "BUFFERED"),
        least=1,
    ),
    Limit(
        REST_API,
        "seconds of a function that streams",
        900,
        STREAMED,
        lambda api, stack: answering_times(api, stack, streamed=True),
        answering(901, "STREAM"),
        least=1,
    ),
    Limit(
        REST_API,
        "resources",
        300,
        REST,
        count("Body", "paths"),
        one(REST_API, Body={"paths": {f"/{n}": {} for n in range(301)}}),
    ),
    Limit(
        REST_API,
        "bytes of the definition",
        6 * 1024 * 1024,
        REST,
        size("Body"),
        one(REST_API, Body={"info": "i" * 6 * 1024 * 1024, "paths": {}}),
    ),
    Limit(
        STAGE,
        "characters of the name",
        128,
        "docs/apigateway/latest/api/API_CreateStage.html",
        length("StageName"),
        one(STAGE, StageName="s" * 129),
    ),
    Limit(
        STAGE,
        "bytes of the access log's format",
        3072,
        REST,
        length("AccessLogSetting", "Format"),
        one(STAGE, AccessLogSetting={"Format": "f" * 3073}),
    ),
)
