"""Operations that WorkMail keeps for its console and Postroom has in its API: the table that clients are taught from.

Names are those of the service's IAM actions, shapes and limits ours (docs/parity.md). `scripts/generate-contracts`
merges them into botocore's model: for the server (``contracts/admin/models``) and, as sdk-extras, for stock clients.
Only what is built stands here: a model that promises what is not built is a defect.
"""

from __future__ import annotations

from typing import Any, Final

Shape = dict[str, Any]

LINE: Final = r"[^\x00-\x1F\x7F-\x9F\u2028\u2029]"
"""A character of one line: nothing that ends a line or controls a terminal."""


def text(least: int, most: int, pattern: str, documentation: str) -> Shape:
    """Return a string of ``least`` to ``most`` characters."""
    return {"type": "string", "min": least, "max": most, "pattern": pattern, "documentation": documentation}


def listed(least: int, most: int, member: str) -> Shape:
    """Return a list of ``least`` to ``most`` members."""
    return {"type": "list", "member": {"shape": member}, "min": least, "max": most}


def structure(required: str, **members: str) -> Shape:
    """Return a structure; ``required`` names members, in one string; a member's value is its shape."""
    made: Shape = {"type": "structure", "members": {name: {"shape": shape} for name, shape in members.items()}}
    if "ClientToken" in members:
        made["members"]["ClientToken"]["idempotencyToken"] = True
    return made | ({"required": required.split()} if required else {})


RULE: Final = {
    "Name": "MailFlowRuleName",
    "Description": "MailFlowRuleDescription",
    "SenderPatterns": "MailFlowPatternList",
    "RecipientPatterns": "MailFlowPatternList",
    "Action": "InboundMailFlowAction",
}
"""What an administrator says of a rule."""

INBOUND_ACTIONS: Final = ["DROP", "BOUNCE", "MOVE_TO_JUNK", "DEFAULT", "BYPASS_SPAM_CHECK"]
"""What becomes of a message, and so what holds while a function has no say; never another function."""

WHOLE_RULE: Final = {"RuleId": "MailFlowRuleId", **RULE, "DateCreated": "Timestamp", "DateModified": "Timestamp"}

SHAPES: Final[dict[str, Shape]] = {
    "MailFlowRuleId": text(1, 64, "[a-zA-Z0-9_-]+", "The identifier of a mail-flow rule."),
    "MailFlowRuleName": text(
        1, 64, f"(?! )(?!.* $){LINE}+", "Unique among the rules of one direction, whatever its case."
    ),
    "MailFlowRuleDescription": text(1, 256, f"{LINE}+", "For those who read the rules."),
    "MailFlowPattern": text(
        1,
        320,
        f"{LINE}+",
        "An address, a domain (<code>example.com</code>), a domain with all below it (<code>*.example.com</code>), or "
        "<code>*</code> for every address.",
    ),
    "MailFlowPatternList": listed(1, 250, "MailFlowPattern"),
    "MailFlowBounceMessage": text(1, 500, f"{LINE}+", "What the bounce message tells the sender."),
    "MailFlowAddress": text(1, 320, f"{LINE}+", "One address without a display name."),
    "MailFlowRecipientList": listed(1, 500, "MailFlowAddress"),
    "MailFlowReason": {"type": "string", "documentation": "Why the action is this one, in words."},
    "MailFlowFunctionArn": text(
        1,
        256,
        f"{LINE}+",
        "The ARN of a function of the organization's own account and Region, with an alias or a version where one is "
        "meant.",
    ),
    "MailFlowRuleTimeout": {
        "type": "integer",
        "box": True,
        "min": 0,
        "max": 240,
        "documentation": "For how many minutes a function that gives no answer is called again; 0 is one attempt.",
    },
    "InboundMailFlowFallbackAction": {"type": "string", "enum": INBOUND_ACTIONS},
    "InboundMailFlowActionType": {"type": "string", "enum": [*INBOUND_ACTIONS, "RUN_LAMBDA"]},
    "InboundMailFlowLambda": structure(
        "FunctionArn Synchronous",
        FunctionArn="MailFlowFunctionArn",
        Synchronous="BooleanObject",
        FallbackAction="InboundMailFlowFallbackAction",
        RuleTimeoutMinutes="MailFlowRuleTimeout",
    ),
    "InboundMailFlowAction": structure(
        "Type",
        Type="InboundMailFlowActionType",
        BounceMessage="MailFlowBounceMessage",
        Lambda="InboundMailFlowLambda",
    ),
    "InboundMailFlowRule": structure("", **WHOLE_RULE),
    "InboundMailFlowRuleList": {"type": "list", "member": {"shape": "InboundMailFlowRule"}},
    "MatchedInboundMailFlowRule": structure(
        "",
        RuleId="MailFlowRuleId",
        Name="MailFlowRuleName",
        SenderPattern="MailFlowPattern",
        RecipientPattern="MailFlowPattern",
        Action="InboundMailFlowAction",
    ),
    "MatchedInboundMailFlowRuleList": {"type": "list", "member": {"shape": "MatchedInboundMailFlowRule"}},
    "InboundMailFlowTestResult": structure(
        "",
        Recipient="MailFlowAddress",
        Action="InboundMailFlowAction",
        RuleId="MailFlowRuleId",
        RuleName="MailFlowRuleName",
        MatchedRules="MatchedInboundMailFlowRuleList",
        Reason="MailFlowReason",
    ),
    "InboundMailFlowTestResultList": {"type": "list", "member": {"shape": "InboundMailFlowTestResult"}},
    "CreateInboundMailFlowRuleRequest": structure(
        "OrganizationId Name SenderPatterns RecipientPatterns Action",
        OrganizationId="OrganizationId",
        **RULE,
        ClientToken="IdempotencyClientToken",
    ),
    "CreateInboundMailFlowRuleResponse": structure("", RuleId="MailFlowRuleId"),
    "UpdateInboundMailFlowRuleRequest": structure(
        "OrganizationId RuleId Name SenderPatterns RecipientPatterns Action",
        OrganizationId="OrganizationId",
        RuleId="MailFlowRuleId",
        **RULE,
    ),
    "UpdateInboundMailFlowRuleResponse": structure(""),
    "DeleteInboundMailFlowRuleRequest": structure(
        "OrganizationId RuleId", OrganizationId="OrganizationId", RuleId="MailFlowRuleId"
    ),
    "DeleteInboundMailFlowRuleResponse": structure(""),
    "DescribeInboundMailFlowRuleRequest": structure(
        "OrganizationId RuleId", OrganizationId="OrganizationId", RuleId="MailFlowRuleId"
    ),
    "DescribeInboundMailFlowRuleResponse": structure("", **WHOLE_RULE),
    "ListInboundMailFlowRulesRequest": structure(
        "OrganizationId", OrganizationId="OrganizationId", NextToken="NextToken", MaxResults="MaxResults"
    ),
    "ListInboundMailFlowRulesResponse": structure("", Rules="InboundMailFlowRuleList", NextToken="NextToken"),
    "TestInboundMailFlowRulesRequest": structure(
        "OrganizationId From Recipients",
        OrganizationId="OrganizationId",
        From="MailFlowAddress",
        Sender="MailFlowAddress",
        Recipients="MailFlowRecipientList",
    ),
    "TestInboundMailFlowRulesResponse": structure("", Results="InboundMailFlowTestResultList"),
}
"""Shapes that botocore's model lacks, as it writes them; the rest (OrganizationId, NextToken …) are its own."""

CHANGING: Final = ("NameAvailabilityException", "LimitExceededException")

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "CreateInboundMailFlowRule": (
        "Creates a rule for mail that the organization receives. It holds for the next message.",
        CHANGING,
    ),
    "UpdateInboundMailFlowRule": (
        "Replaces everything that a rule says; a description that is not given again is gone.",
        ("EntityNotFoundException", *CHANGING),
    ),
    "DeleteInboundMailFlowRule": ("Deletes a rule. One that does not exist is no error.", ()),
    "DescribeInboundMailFlowRule": ("Returns one rule.", ("EntityNotFoundException",)),
    "ListInboundMailFlowRules": ("Returns the organization's rules for mail that it receives.", ()),
    "TestInboundMailFlowRules": (
        "Says what the rules do with a message, for each of its recipients, and why. No message is sent.",
        (),
    ),
}
"""What each operation is for, and its errors beside those of every operation (``COMMON``)."""

COMMON: Final = ("InvalidParameterException", "OrganizationNotFoundException", "OrganizationStateException")

PAGINATORS: Final = {
    "ListInboundMailFlowRules": {
        "input_token": "NextToken",
        "limit_key": "MaxResults",
        "output_token": "NextToken",
        "result_key": "Rules",
    }
}


def model() -> dict[str, Any]:
    """Return ``operations`` and ``shapes`` as botocore's service model has them."""
    operations = {
        name: {
            "name": name,
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": f"{name}Request"},
            "output": {"shape": f"{name}Response"},
            "errors": [{"shape": error} for error in (*COMMON, *errors)],
            "documentation": f"<p>{documentation}</p>",
        }
        for name, (documentation, errors) in OPERATIONS.items()
    }
    return {"operations": operations, "shapes": SHAPES}
