"""Station bounce: the sender of a message learns, once, who did not get it.

``bounce`` is the station; ``history`` reads the flow's facts, ``decide`` says where silence is better, ``report`` and
``wording`` write the message.
"""
