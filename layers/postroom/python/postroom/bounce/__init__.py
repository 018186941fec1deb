"""Station bounce: one message tells the sender of a message which recipients did not get it.

``bounce`` is the station; ``history`` reads the flow's facts, ``decide`` says when no bounce may be sent, ``report``
and ``wording`` write the message. ``mailbox_reports`` tells users of the organization.
"""
