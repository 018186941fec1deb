"""Access of mail clients: which user or role a request comes from, and what it may do.

``authorize`` answers API Gateway's authorizer; ``authenticate`` checks credentials for it. Every protocol asks
``decision`` about a request and about each of its actions. ``devices`` decides about mobile devices, ``permissions``
about mailboxes of others.
"""
