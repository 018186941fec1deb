"""Outbound mail: large submissions are accepted in chunks; messages are sent, by SES or an SMTP gateway."""
