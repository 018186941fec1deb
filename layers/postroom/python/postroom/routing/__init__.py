"""From recipients to mailboxes: ``resolve`` finds who gets a message, ``plan`` cuts that into transactions.

Ingest routes what arrives, and the rules what their functions have answered.
"""
