"""Ingest: the organizations of a message, and what becomes of it in each.

``ingest`` is the station. ``envelope`` is what a flow begins with, ``excess`` the limits of a message, ``policy`` DMARC
and the organization's rules; ``postroom.routing`` finds the mailboxes.
"""
