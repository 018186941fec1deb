"""Grants: which IAM principals administer which organizations.

IAM policies say this for Amazon WorkMail. API Gateway knows one action for all of Postroom's operations.
"""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import Shape, every, structure, text

GRANT: Final = {
    "Principal": "AdministratorPrincipal",
    "OrganizationId": "OrganizationId",
    "Access": "AdministratorAccess",
    "Origin": "AdministratorGrantOrigin",
    "DateCreated": "Timestamp",
    "DateModified": "Timestamp",
}

SHAPES: Final[dict[str, Shape]] = {
    "AdministratorPrincipal": text(
        1,
        1024,
        "[!-~]+",
        "The ARN of an IAM user or role, of a session of a role, or of a federated user; with <code>*</code> at its "
        "end, all that begin so. <code>*</code> alone is every caller.",
    ),
    "AdministratorAccess": {"type": "string", "enum": ["READ_ONLY", "FULL_ACCESS"]},
    "AdministratorGrantOrigin": {"type": "string", "enum": ["PARAMETER", "API"]},
    "AdministratorGrant": structure("", **GRANT),
    "AdministratorGrantList": every("AdministratorGrant"),
    "PutAdministratorGrantRequest": structure(
        "Principal Access",
        Principal="AdministratorPrincipal",
        OrganizationId="OrganizationId",
        Access="AdministratorAccess",
    ),
    "PutAdministratorGrantResponse": structure(""),
    "DeleteAdministratorGrantRequest": structure(
        "Principal", Principal="AdministratorPrincipal", OrganizationId="OrganizationId"
    ),
    "DeleteAdministratorGrantResponse": structure(""),
    "ListAdministratorGrantsRequest": structure(
        "", OrganizationId="OrganizationId", NextToken="NextToken", MaxResults="MaxResults"
    ),
    "ListAdministratorGrantsResponse": structure("", Grants="AdministratorGrantList", NextToken="NextToken"),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "PutAdministratorGrant": (
        "Lets a principal administer one organization, or without an OrganizationId all of them; replaces its former "
        "access there. From the first grant on, only principals with grants may use the API.",
        ("LimitExceededException",),
    ),
    "DeleteAdministratorGrant": (
        "Ends a principal's access to one organization, or without an OrganizationId its access to all of them. A "
        "grant that does not exist is no error.",
        (),
    ),
    "ListAdministratorGrants": (
        "Returns the grants for one organization, or without an OrganizationId those for all of them.",
        (),
    ),
}

LISTS: Final[dict[str, str]] = {"ListAdministratorGrants": "Grants"}
"""Operations that answer pages, with the member that has the results."""
