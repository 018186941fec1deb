"""What a template is refused with."""

from cli.errors import UsageError


class TemplateError(UsageError):
    """A template cannot be read or deployed as it is written."""
