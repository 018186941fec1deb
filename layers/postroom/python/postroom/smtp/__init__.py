"""Submission over SMTP: what a mail client's session may do, and each answer.

``front`` is asked by the program that speaks SMTP, ``local/mail/submission_port.py`` of scripts; it decides nothing
itself. ``replies`` has the answers.
"""
