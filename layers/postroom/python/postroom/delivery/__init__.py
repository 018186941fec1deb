"""Deliver: one message into one mailbox, sealed, exactly once.

``deliver`` is the station; ``index_entry`` makes a message's entry of the index, ``notices`` writes the one about a
mailbox that is nearly full.
"""
