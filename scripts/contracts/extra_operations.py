"""Operations that WorkMail keeps for its console and Postroom has in its API: the table that clients are taught from.

Names are those of the service's IAM actions, shapes and limits ours (docs/parity.md). `scripts/generate-contracts`
merges them into botocore's model: for the server (``contracts/admin/models``) and, as sdk-extras, for stock clients.
Only what is built is here: a model that promises what is not built is a defect.
"""

from __future__ import annotations

from typing import Any, Final

from contracts import (
    extra_audit,
    extra_grants,
    extra_imports,
    extra_journaling,
    extra_out_of_office,
    extra_submission,
    extra_tokens,
)
from contracts.shape_forms import LINE, LIST, Shape, every, listed, structure, text

MODULES: Final = (
    extra_audit,
    extra_grants,
    extra_imports,
    extra_journaling,
    extra_out_of_office,
    extra_submission,
    extra_tokens,
)
"""Tables of single families of operations; each has SHAPES, OPERATIONS and LISTS, as below."""

INBOUND, OUTBOUND = "Inbound", "Outbound"

DECIDING: Final = {
    INBOUND: ["DROP", "BOUNCE", "MOVE_TO_JUNK", "DEFAULT", "BYPASS_SPAM_CHECK"],
    OUTBOUND: ["DROP", "BOUNCE", "SMTP_GATEWAY", "DEFAULT"],
}
"""What becomes of a message, and so what holds while a function has no say; never another function."""

GATEWAYS: Final = {"SmtpGatewayId": "SmtpGatewayId", "ThenSmtpGatewayId": "SmtpGatewayId"}
"""What outbound actions may name beside what inbound ones do."""


def rule_shapes(direction: str) -> dict[str, Shape]:
    """Return the shapes of the rules of one direction and of what is done with them."""
    rule = {
        "Name": "MailFlowRuleName",
        "Description": "MailFlowRuleDescription",
        "SenderPatterns": "MailFlowPatternList",
        "RecipientPatterns": "MailFlowPatternList",
        "Action": f"{direction}MailFlowAction",
    }
    whole = {"RuleId": "MailFlowRuleId", **rule, "DateCreated": "Timestamp", "DateModified": "Timestamp"}
    one = structure("OrganizationId RuleId", OrganizationId="OrganizationId", RuleId="MailFlowRuleId")
    said = "OrganizationId Name SenderPatterns RecipientPatterns Action"
    return {
        f"{direction}MailFlowFallbackAction": {"type": "string", "enum": DECIDING[direction]},
        f"{direction}MailFlowActionType": {"type": "string", "enum": [*DECIDING[direction], "RUN_LAMBDA"]},
        f"{direction}MailFlowLambda": structure(
            "FunctionArn Synchronous",
            FunctionArn="MailFlowFunctionArn",
            Synchronous="BooleanObject",
            FallbackAction=f"{direction}MailFlowFallbackAction",
            RuleTimeoutMinutes="MailFlowRuleTimeout",
        ),
        f"{direction}MailFlowAction": structure(
            "Type",
            Type=f"{direction}MailFlowActionType",
            BounceMessage="MailFlowBounceMessage",
            Lambda=f"{direction}MailFlowLambda",
            **(GATEWAYS if direction == OUTBOUND else {}),
        ),
        f"{direction}MailFlowRule": structure("", **whole),
        f"{direction}MailFlowRuleList": every(f"{direction}MailFlowRule"),
        f"Matched{direction}MailFlowRule": structure(
            "",
            RuleId="MailFlowRuleId",
            Name="MailFlowRuleName",
            SenderPattern="MailFlowPattern",
            RecipientPattern="MailFlowPattern",
            Action=f"{direction}MailFlowAction",
        ),
        f"Matched{direction}MailFlowRuleList": every(f"Matched{direction}MailFlowRule"),
        f"{direction}MailFlowTestResult": structure(
            "",
            Recipient="MailFlowAddress",
            Action=f"{direction}MailFlowAction",
            RuleId="MailFlowRuleId",
            RuleName="MailFlowRuleName",
            MatchedRules=f"Matched{direction}MailFlowRuleList",
            Reason="MailFlowReason",
        ),
        f"{direction}MailFlowTestResultList": every(f"{direction}MailFlowTestResult"),
        f"Create{direction}MailFlowRuleRequest": structure(
            said, OrganizationId="OrganizationId", **rule, ClientToken="IdempotencyClientToken"
        ),
        f"Create{direction}MailFlowRuleResponse": structure("", RuleId="MailFlowRuleId"),
        f"Update{direction}MailFlowRuleRequest": structure(
            said.replace(" ", " RuleId ", 1), OrganizationId="OrganizationId", RuleId="MailFlowRuleId", **rule
        ),
        f"Update{direction}MailFlowRuleResponse": structure(""),
        f"Delete{direction}MailFlowRuleRequest": one,
        f"Delete{direction}MailFlowRuleResponse": structure(""),
        f"Describe{direction}MailFlowRuleRequest": one,
        f"Describe{direction}MailFlowRuleResponse": structure("", **whole),
        f"List{direction}MailFlowRulesRequest": LIST,
        f"List{direction}MailFlowRulesResponse": structure(
            "", Rules=f"{direction}MailFlowRuleList", NextToken="NextToken"
        ),
        f"Test{direction}MailFlowRulesRequest": structure(
            "OrganizationId From Recipients",
            OrganizationId="OrganizationId",
            From="MailFlowAddress",
            Sender="MailFlowAddress",
            Recipients="MailFlowRecipientList",
        ),
        f"Test{direction}MailFlowRulesResponse": structure("", Results=f"{direction}MailFlowTestResultList"),
    }


GATEWAY: Final = {
    "Name": "SmtpGatewayName",
    "Host": "SmtpGatewayHost",
    "Port": "SmtpGatewayPort",
    "UserName": "SmtpGatewayUserName",
}
"""What an administrator says of a gateway and may read again."""

WHOLE_GATEWAY: Final = {"SmtpGatewayId": "SmtpGatewayId", **GATEWAY}
ONE_GATEWAY: Final = structure(
    "OrganizationId SmtpGatewayId", OrganizationId="OrganizationId", SmtpGatewayId="SmtpGatewayId"
)

GATEWAY_SHAPES: Final[dict[str, Shape]] = {
    "SmtpGatewayId": text(1, 64, "[a-zA-Z0-9_-]+", "The identifier of an SMTP gateway."),
    "SmtpGatewayName": text(
        1, 64, f"(?! )(?!.* $){LINE}+", "Unique among the organization's gateways, whatever its case."
    ),
    "SmtpGatewayHost": text(
        1,
        255,
        f"{LINE}+",
        "A name in the public DNS or a public IP address. The gateway speaks TLS 1.2 or later, with a certificate of a "
        "major certificate authority.",
    ),
    "SmtpGatewayPort": {
        "type": "integer",
        "box": True,
        "min": 1,
        "max": 65535,
        "documentation": "Any but 25, which AWS keeps closed to functions.",
    },
    "SmtpGatewayUserName": text(1, 256, f"{LINE}+", "For the gateway's basic authentication."),
    "SmtpGatewaySummary": structure("", **WHOLE_GATEWAY),
    "SmtpGatewayList": every("SmtpGatewaySummary"),
    "CreateSmtpGatewayRequest": structure(
        "OrganizationId Name Host Port UserName Password",
        OrganizationId="OrganizationId",
        **GATEWAY,
        Password="Password",  # noqa: S106 - a shape's name
        ClientToken="IdempotencyClientToken",
    ),
    "CreateSmtpGatewayResponse": structure("", SmtpGatewayId="SmtpGatewayId"),
    "UpdateSmtpGatewayRequest": structure(
        "OrganizationId SmtpGatewayId Name Host Port UserName",
        OrganizationId="OrganizationId",
        SmtpGatewayId="SmtpGatewayId",
        **GATEWAY,
        Password="Password",  # noqa: S106 - a shape's name
    ),
    "UpdateSmtpGatewayResponse": structure(""),
    "DeleteSmtpGatewayRequest": ONE_GATEWAY,
    "DeleteSmtpGatewayResponse": structure(""),
    "DescribeSmtpGatewayRequest": ONE_GATEWAY,
    "DescribeSmtpGatewayResponse": structure("", **WHOLE_GATEWAY),
    "ListSmtpGatewaysRequest": LIST,
    "ListSmtpGatewaysResponse": structure("", SmtpGateways="SmtpGatewayList", NextToken="NextToken"),
}

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
    **rule_shapes(INBOUND),
    **rule_shapes(OUTBOUND),
    **GATEWAY_SHAPES,
    **{name: shape for module in MODULES for name, shape in module.SHAPES.items()},
}
"""Shapes that botocore's model lacks, as it writes them; the rest (OrganizationId, Password …) are its own."""

CHANGING: Final = ("NameAvailabilityException", "LimitExceededException")


def rule_operations(direction: str, mail: str, holds: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return what is done with the rules of one direction; ``mail`` says for which mail, ``holds`` from when on."""
    return {
        f"Create{direction}MailFlowRule": (f"Creates a rule for {mail}. {holds}", CHANGING),
        f"Update{direction}MailFlowRule": (
            "Replaces everything that a rule says; a description that is not given again is gone.",
            ("EntityNotFoundException", *CHANGING),
        ),
        f"Delete{direction}MailFlowRule": ("Deletes a rule. One that does not exist is no error.", ()),
        f"Describe{direction}MailFlowRule": ("Returns one rule.", ("EntityNotFoundException",)),
        f"List{direction}MailFlowRules": (f"Returns the organization's rules for {mail}.", ()),
        f"Test{direction}MailFlowRules": (
            "Says what the rules do with a message, for each of its recipients, and why. No message is sent.",
            (),
        ),
    }


OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    **rule_operations(INBOUND, "mail that the organization receives", "It holds for the next message."),
    **rule_operations(OUTBOUND, "mail that the organization sends", "It holds for the next message."),
    "CreateSmtpGateway": (
        "Creates a gateway that rules for outbound mail may send it through.",
        CHANGING,
    ),
    "UpdateSmtpGateway": (
        "Replaces what is known of a gateway. Without a password the former one stays, as long as the host does.",
        ("EntityNotFoundException", "NameAvailabilityException"),
    ),
    "DeleteSmtpGateway": (
        "Deletes a gateway that no rule names. One that does not exist is no error.",
        ("EntityStateException",),
    ),
    "DescribeSmtpGateway": ("Returns one gateway, without its password.", ("EntityNotFoundException",)),
    "ListSmtpGateways": ("Returns the organization's gateways, without their passwords.", ()),
    **{name: told for module in MODULES for name, told in module.OPERATIONS.items()},
}
"""What each operation is for, and its errors beside those of every operation (``COMMON``)."""

COMMON: Final = ("InvalidParameterException", "OrganizationNotFoundException", "OrganizationStateException")

PAGINATORS: Final = {
    operation: {
        "input_token": "NextToken",
        "limit_key": "MaxResults",
        "output_token": "NextToken",
        "result_key": result,
    }
    for operation, result in (
        ("ListInboundMailFlowRules", "Rules"),
        ("ListOutboundMailFlowRules", "Rules"),
        ("ListSmtpGateways", "SmtpGateways"),
        *(each for module in MODULES for each in module.LISTS.items()),
    )
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
