"""Deliver: messages into mailboxes, sealed, each exactly once.

``deliver`` is the station; ``entry`` has the transactions, each with the messages of a batch for one mailbox;
``index_entry`` makes a message's entry of the index, ``notices`` the message about a mailbox that is nearly full.
"""
