"""Limits of the service, each with its unit and source. 1 MB = 2^20 bytes."""

from __future__ import annotations

from typing import Final

MB: Final = 1 << 20

HOUR_MS: Final = 3_600_000
"""One hour, in milliseconds."""

DAY_S: Final = 24 * 3600
"""One day, in seconds."""

DAY_MS: Final = DAY_S * 1000
"""One day, in milliseconds."""

MAX_ANSWER_BYTES: Final = 6 * MB - 64 * 1024
"""Largest answer of our functions to a synchronous call, in bytes of JSON. Source: Lambda's quotas, 6 MB; 64 KB stay
free."""

MAX_MESSAGE_BYTES: Final = 40 * MB
"""Largest message in MIME form, in bytes. Source: guide, message quotas (ZH:3490)."""

MAX_ADDED_BYTES: Final = 16 * 1024
"""Most bytes of the header fields that SES puts in front of a message, which do not count as part of its size. Ours."""

MAX_STORED_BYTES: Final = MAX_MESSAGE_BYTES + MAX_ADDED_BYTES
"""Largest message of a mailbox, in bytes: with SES's fields. Ours."""

MAX_UNENCODED_BYTES: Final = 29 * MB
"""Most data of one message before base64 or quoted-printable, in bytes. Source: guide, message quotas (ZH:3484)."""

MAX_ATTACHMENTS: Final = 500
"""Most attachments of one message. Source: guide, message quotas (ZH:3487)."""

MAX_HOPS: Final = 100
"""Most Received fields of one message; a message with more is in a loop. Ours, after RFC 5321, 6.3."""

MAX_RECIPIENTS: Final = 500
"""Most recipients of one message. Source: guide, message quotas (ZH:3505)."""

MAX_PATTERNS_OF_A_RULE: Final = 250
"""Most sender patterns of one mail-flow rule, and most recipient patterns (ours). Source: guide, organization settings'
quotas (ZH:3461)."""

MAX_PATTERNS: Final = 1000
"""Most sender patterns of all mail-flow rules of an organization. Source: guide, organization settings' quotas
(ZH:3462)."""

DEFAULT_QUOTA_MB: Final = 51_200
"""Quota of a mailbox unless an administrator sets another, in MB. Source: guide, per-user quotas (ZH:3470)."""

QUOTA_NOTICE_SHARE: Final = 0.9
"""Share of the quota at which the mailbox gets one notice. Ours; the guide has no number."""

PLAIN_KEY_SECONDS: Final = 60
"""Longest time that a plain mailbox key stays in memory, in seconds. Ours."""

CHUNK_RECIPIENTS: Final = 40
"""Most recipients of one transaction: 40 orders, their facts and the chunk's own row are fewer than 100, the most items
of a DynamoDB transaction. Ours."""

OPEN_TOO_LONG_SECONDS: Final = 3600
"""Age in seconds from which the sweep sends an open order again, or parks it. Ours."""

RETENTION_AFTER_FINAL_DAYS: Final = 30
"""Days that a raw message is kept after the last final fact of its recipients. Ours."""

BOUNCE_DELAY_SECONDS: Final = 10
"""First delay of a bounce message, in seconds, so that it can include later refusals of the same flow. Ours."""

LEDGER_DAYS: Final = 400
"""Days that the ledger keeps a fact. Ours: thirteen months, so that a year can be compared with the last."""

MAX_SUBJECT_CHARACTERS: Final = 998
"""Longest subject in facts and in the index, in characters; longer ones are cut. Ours, after RFC 5322's line length."""

MAILBOX_KEPT_DAYS: Final = 30
"""Days that a mailbox is kept after its owner was deregistered; deleting the owner starts the time again (ours).
Source: guide, ZH:5451; model, DeregisterFromWorkMail."""

CONFLICT_ATTEMPTS: Final = 10
"""How often a request to an API is decided, as long as another writer is faster each time. Ours."""

DIRECTORY_PAGE_ROWS: Final = 100
"""Rows of the directory that one read of a listing returns. Ours."""

RESERVE_MS: Final = 20_000
"""Remaining time of a function below which it begins nothing new, in milliseconds. Ours."""

HAND_OVER_RESERVE_MS: Final = 30_000
"""The same for functions that must hand over unfinished work, in milliseconds. Ours: a call to a service that does not
answer takes at most half of it."""

DELETION_SETTLING_SECONDS: Final = 45 * 60
"""How long flows may end by themselves once their organization is deleted, in seconds. Longer than ingest's queue
repeats a failing notification (5 times 6 minutes) and than a bounce waits for other recipients (15 minutes); shorter
than the hour after which nothing can be read any more. Ours."""

MAX_EVENT_SUBJECT_CHARACTERS: Final = 256
"""Longest subject in the event for a rule's function, in characters. Source: guide, ZH:4054."""

MAX_LINE_BYTES: Final = 1000
"""Longest line of a message, in bytes with CRLF: of content that a function puts, and of messages that we write.
Source: RFC 5321, 4.5.3.1.6; RFC 5322, 2.1.1."""

MESSAGE_FLOW_SECONDS: Final = 86_400
"""How long a message is available in the Message Flow API, in seconds from the opening of its flow. Source: guide,
ZH:4272."""

HEADER_READS_BYTES: Final = (64 * 1024, MB, MAX_STORED_BYTES)
"""How many bytes of a message are read for its headers: the next value if the block does not end within the last.
Nearly every block ends within the first; a field after the first MB is found as well. Ours."""

MAX_READ_FIELDS: Final = 10_000
"""Most header fields with a name that any station reads; a message with more is bounced. Ours."""

MAX_ADDRESS_BYTES: Final = 160 * 1024
"""Most bytes of a message's address fields that are read for one purpose, all fields together; a message whose From and
Sender have more is bounced. Ours: 500 addresses of the longest kind."""

MAX_AUTHORS: Final = 5_000
"""Most addresses that are read from From and from Sender; a message with more is bounced. Ours."""

MAX_AUTHOR_FIELDS: Final = 100
"""Most From fields, and most Sender fields, that are read if mail clients may read them differently; a message with
more is bounced. Ours: RFC 5322 allows one of each, and each way of reading a field costs time."""

MAX_AUTHOR_WORDS: Final = 50_000
"""Most words of From, and of Sender, that are checked for an address; a message with more is bounced. Ours: a word is
checked once for each way in which mail clients may read it."""
