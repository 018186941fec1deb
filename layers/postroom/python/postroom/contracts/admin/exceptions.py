"""The errors of botocore's model of WorkMail; clients catch them by their names.

All are answered with HTTP 400 and ``{"__type": <name>, "Message": <text>}`` (contracts 7.1), NotAuthorizedError with
HTTP 403. The texts are ours.
"""

from __future__ import annotations

from postroom.errors import PermanentError


class NotAuthorizedError(PermanentError):
    """The caller may not do this. No error of the model: AWS answers AccessDeniedException for every operation.

    The text is AWS's: ``User: ARN is not authorized to perform: ACTION on resource: ARN``.
    Source: guide, "Troubleshooting Amazon WorkMail identity and access" (ZH:1334).
    """

    def __init__(self, caller_arn: str, action: str, resource: str) -> None:
        """Name the caller, the action and the resource.

        Args:
            caller_arn: empty if the caller is not known.
            action: as IAM names it, ``workmail:CreateUser``.
            resource: its ARN, or ``*``.
        """
        caller = caller_arn or "anonymous"
        super().__init__(f"User: {caller} is not authorized to perform: {action} on resource: {resource}")


class WorkMailError(PermanentError):
    """Root of the modelled errors. The class's name is the wire code."""

    @property
    def code(self) -> str:
        """The value of ``__type``."""
        return type(self).__name__


class DirectoryInUseException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The directory belongs to another organization."""


class DirectoryServiceAuthenticationFailedException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The directory service refused the request; it cannot happen with the built-in directory."""


class DirectoryUnavailableException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The directory service does not answer."""


class EmailAddressInUseException(WorkMailError):  # noqa: N818 - the name is the wire code
    """Another entity has the address."""


class EntityAlreadyRegisteredException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The entity is enabled under another address."""


class EntityNotFoundException(WorkMailError):  # noqa: N818 - the name is the wire code
    """No entity of this organization has the identifier."""


class EntityStateException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The entity's state does not allow this."""


class InvalidConfigurationException(WorkMailError):  # noqa: N818 - the name is the wire code
    """A resource's booking options contradict each other."""


class InvalidCustomSesConfigurationException(WorkMailError):  # noqa: N818 - the name is the wire code
    """SES refuses the changed receipt rule, because it was edited by hand."""


class InvalidParameterException(WorkMailError):  # noqa: N818 - the name is the wire code
    """A parameter is missing, malformed or not acceptable."""


class InvalidPasswordException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The password does not satisfy the policy."""


class LimitExceededException(WorkMailError):  # noqa: N818 - the name is the wire code
    """A quota would be exceeded."""


class MailDomainInUseException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The domain is taken, or has addresses."""


class MailDomainNotFoundException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The organization does not have the domain."""


class MailDomainStateException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The domain is not verified."""


class NameAvailabilityException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The name is taken."""


class OrganizationNotFoundException(WorkMailError):  # noqa: N818 - the name is the wire code
    """No organization has or had the id."""


class OrganizationStateException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The organization's state does not allow this."""


class ReservedNameException(WorkMailError):  # noqa: N818 - the name is the wire code
    """The name is reserved."""


class ResourceNotFoundException(WorkMailError):  # noqa: N818 - the name is the wire code
    """Something the request names does not exist."""


class TooManyTagsException(WorkMailError):  # noqa: N818 - the name is the wire code
    """More tags than a resource may have."""


class UnsupportedOperationException(WorkMailError):  # noqa: N818 - the name is the wire code
    """This kind of entity does not support the operation."""
