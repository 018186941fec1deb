"""Both sides of SES: receiving over SMTP, sending into the outbox."""
