"""CreatePersonalAccessToken: users of Amazon WorkMail make tokens in its web application, which Postroom lacks.

Names and limits are those of botocore's workmail/2017-10-01 for the tokens that it lists.
"""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import Shape, structure

SHAPES: Final[dict[str, Shape]] = {
    "PersonalAccessTokenText": {
        "type": "string",
        "sensitive": True,
        "documentation": "The token, to be used as the user's password. It cannot be read again.",
    },
    "CreatePersonalAccessTokenRequest": structure(
        "OrganizationId UserId Name",
        OrganizationId="OrganizationId",
        UserId="EntityIdentifier",
        Name="PersonalAccessTokenName",
        Scopes="PersonalAccessTokenScopeList",
        LifetimeInDays="PersonalAccessTokenLifetimeInDays",
        ClientToken="IdempotencyClientToken",
    ),
    "CreatePersonalAccessTokenResponse": structure(
        "",
        PersonalAccessTokenId="PersonalAccessTokenId",
        Token="PersonalAccessTokenText",  # noqa: S106 - a shape's name
    ),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "CreatePersonalAccessToken": (
        "Creates a personal access token of a user who is associated with a user of IAM Identity Center. A repeated "
        "request with the same ClientToken is answered without the token.",
        ("EntityNotFoundException", "EntityStateException", "LimitExceededException", "ResourceNotFoundException"),
    ),
}

LISTS: Final[dict[str, str]] = {}
"""Operations that answer pages: none."""
