"""Properties of a SAM function, as a function that runs here has them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from local.errors import TemplateError
from local.functions.function import Function
from local.template.env_vars import texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NEEDED: Final = ("Runtime", "Handler", "CodeUri")
_RESERVED: Final = "ReservedConcurrentExecutions"

_NAMES: Final = """
    Architectures AssumeRolePolicyDocument AutoPublishAlias AutoPublishAliasAllProperties AutoPublishCodeSha256
    CapacityProviderConfig CodeSigningConfigArn CodeUri DeadLetterQueue DeploymentPreference Description DurableConfig
    Environment EphemeralStorage EventInvokeConfig Events FileSystemConfigs FunctionName FunctionScalingConfig
    FunctionUrlConfig Handler ImageConfig ImageUri InlineCode KmsKeyArn Layers LoggingConfig MemorySize PackageType
    PermissionsBoundary Policies PropagateTags ProvisionedConcurrencyConfig PublishToLatestPublished RecursiveLoop
    ReservedConcurrentExecutions Role RolePath Runtime RuntimeManagementConfig SnapStart SourceKMSKeyArn Tags
    TenancyConfig Timeout Tracing VersionDeletionPolicy VersionDescription VpcConfig
    """

KNOWN: Final = frozenset(_NAMES.split())
"""Properties of AWS::Serverless::Function. Source: aws-sam-translator 1.115.0, SamFunction.property_types."""

_ALIKE: Final = 0.8
"""From how much two names must have in common, by difflib's ratio, one is the other misspelt. Ours."""


def with_globals(own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's properties with those of Globals: layers are added, variables merged, others replaced.

    Source: AWS SAM, "Globals section", overridable.
    """
    variables = [each.get("Environment", {}).get("Variables", {}) for each in (shared, own)]
    merged = {**shared, **own, "Environment": {"Variables": {**variables[0], **variables[1]}}}
    return {**merged, "Layers": [*shared.get("Layers", []), *own.get("Layers", [])]}


def index_file(properties: Mapping[str, Any]) -> str | None:
    """Return what the file of a function's inline code is called; None where it has none, or a CodeUri beside it."""
    if "CodeUri" in properties or not isinstance(properties.get("InlineCode"), str):
        return None
    return "index.js" if str(properties.get("Runtime")).startswith("nodejs") else "index.py"


def check(where: str, properties: Mapping[str, Any]) -> None:
    """Check that a function can run here, and that none of its properties is misspelt.

    SAM refuses every property that it does not know. Here one that resembles no known one is only noted
    (``unexecuted``), because a newer SAM may know it.

    Raises:
        TemplateError: it begins with `where`.
    """
    for name in sorted(map(str, properties.keys() - KNOWN)):
        if meant := get_close_matches(name, KNOWN, 1, _ALIKE):
            raise TemplateError(f"{where}: a function has no property {name}; is {meant[0]} meant?")
    for needed in _NEEDED:
        if needed not in properties:
            raise TemplateError(f"{where}: a function without {needed} is not executed here")
        if not isinstance(properties[needed], str):
            raise TemplateError(f"{where}: a function whose {needed} is not text is not executed here")


def made(
    name: str, logical_id: str, properties: Mapping[str, Any], role: str, extra: Mapping[str, str], **places: Any
) -> Function:
    """Return the function.

    Args:
        properties: resolved, with Globals, and checked.
        role: the ARN, where they name none.
        extra: variables that it gets in addition.
        places: `code`, `packages` and `layers` of a Function.

    Raises:
        UsageError, ValueError, and what a property of another form raises (`template.ODD`).
    """
    folders: Mapping[str, Path | tuple[Path, ...]] = places
    group = properties.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
    return Function(
        name=name,
        logical_id=logical_id,
        handler=properties["Handler"],
        runtime=properties["Runtime"],
        environment=texts(logical_id, {**properties["Environment"]["Variables"], **extra}),
        description=str(properties.get("Description", "")),
        timeout_s=_number(properties, "Timeout", 3, range(1, 901)),
        memory_mb=_number(properties, "MemorySize", 128, range(128, 10_241)),
        reserved_concurrency=_number(properties, _RESERVED, 0, range(1001)) if _RESERVED in properties else None,
        log_group=group,
        role=properties.get("Role") or role,
        asynchronous=dict(properties.get("EventInvokeConfig", {})),
        dead_letter_arn=properties.get("DeadLetterQueue", {}).get("TargetArn", ""),
        **folders,  # type: ignore[arg-type]  # by name
    )


def _number(properties: Mapping[str, Any], name: str, default: int, allowed: range) -> int:
    """Return a number of a function's properties, within the limits of the Lambda API."""
    number = int(properties.get(name, default))
    if number not in allowed:
        raise ValueError(f"{name} is not from {allowed[0]} to {allowed[-1]}")
    return number
