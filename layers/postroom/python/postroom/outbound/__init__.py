"""Outbound mail: attempts to send it, by SES or an SMTP gateway, until each recipient has its end."""
