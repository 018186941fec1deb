"""Access of mail clients: which user or role a request comes from, and what it may do.

``authorize`` answers API Gateway's authorizer, ``decision`` is what every protocol asks about a request and each of its
actions, ``devices`` and ``permissions`` decide about mobile devices and about mailboxes of others.
"""
