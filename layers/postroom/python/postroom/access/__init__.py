"""Who may use the system with a mail client, and as whom.

``authenticate`` answers it for HTTP Basic authentication.
"""
