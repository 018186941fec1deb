"""Deliver: one message into one mailbox, sealed, exactly once.

``deliver`` is the station; ``index_entry`` says what the index keeps of a message, ``notices`` writes the one about a
mailbox that is nearly full.
"""
