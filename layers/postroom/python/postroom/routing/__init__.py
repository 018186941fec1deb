"""From recipients to mailboxes, for ingest and the rules.

``resolve`` finds the mailboxes. ``plan`` is what becomes of a message: facts and orders. ``expansion`` commits a plan
that is too large for one transaction.
"""
