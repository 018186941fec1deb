"""Limits of the service, each with its unit and source. 1 MB = 2^20 bytes."""

from __future__ import annotations

from typing import Final

MB: Final = 1 << 20

DAY_MS: Final = 24 * 3600 * 1000
"""One day, in milliseconds."""

MAX_MESSAGE_BYTES: Final = 40 * MB
"""Largest message in MIME form, in bytes. Source: guide, message quotas (ZH:3490)."""

MAX_ADDED_BYTES: Final = 16 * 1024
"""Most bytes of the header fields that SES puts in front of a message, which are no part of its size. Ours."""

MAX_UNENCODED_BYTES: Final = 29 * MB
"""Most data of one message before base64 or quoted-printable, in bytes. Source: guide, message quotas (ZH:3484)."""

MAX_ATTACHMENTS: Final = 500
"""Most attachments of one message. Source: guide, message quotas (ZH:3487)."""

MAX_HOPS: Final = 100
"""Most Received fields of one message; more are a loop. Source: architecture 4.11, after RFC 5321 6.3."""

MAX_RECIPIENTS: Final = 500
"""Most recipients of one message. Source: guide, message quotas (ZH:3505)."""

MAX_PATTERNS_OF_A_RULE: Final = 250
"""Most sender patterns of one mail-flow rule, and, ours, recipient patterns. Source: guide, organization settings'
quotas (ZH:3461)."""

MAX_PATTERNS: Final = 1000
"""Most sender patterns of all mail-flow rules of an organization. Source: guide, organization settings' quotas
(ZH:3462)."""

DEFAULT_QUOTA_MB: Final = 51_200
"""Size of a mailbox unless its owner sets another, in MB. Source: guide, per-user quotas (ZH:3470)."""

QUOTA_NOTICE_SHARE: Final = 0.9
"""Share of the quota at which the mailbox gets one notice. Ours; the guide names no figure."""

PLAIN_KEY_SECONDS: Final = 60
"""Longest life of a mailbox key outside KMS, in seconds. Source: architecture, invariant 5 (ours)."""

CHUNK_RECIPIENTS: Final = 40
"""Most recipients that one transaction settles or sends on their way: 40 orders, their facts and the chunk's own
row stay below DynamoDB's 100 items a transaction. Source: architecture, invariant 2 (ours)."""

OPEN_TOO_LONG_SECONDS: Final = 3600
"""Recipients open for longer are swept: sent again, or parked. Source: architecture, invariant 1 (ours)."""

RETENTION_AFTER_FINAL_DAYS: Final = 30
"""Days that a raw message stays after its last recipient became final. Source: architecture, invariant 1 (ours)."""

BOUNCE_DELAY_SECONDS: Final = 10
"""How long a bounce message waits at first, so that other recipients of the flow may fail with it. Ours."""

LEDGER_DAYS: Final = 400
"""Days that the ledger remembers a fact. Ours: thirteen months, so that a year can be compared with the last."""

MAX_SUBJECT_CHARACTERS: Final = 998
"""Longest subject that facts and the index keep; longer ones are cut. Ours, after RFC 5322's line length."""

MAILBOX_KEPT_DAYS: Final = 30
"""Days that the mailbox of somebody who was deregistered stays; deleting them begins the time anew (ours).
Source: guide, ZH:5451; model, DeregisterFromWorkMail."""

CONFLICT_ATTEMPTS: Final = 10
"""How often a request to an API is decided, as long as another writer is faster each time. Ours."""

DIRECTORY_PAGE_ROWS: Final = 100
"""Rows of the directory that one read of a listing returns. Ours."""

RESERVE_MS: Final = 20_000
"""Milliseconds of a function's time below which nothing new is begun. Ours."""

HAND_OVER_RESERVE_MS: Final = 30_000
"""The same for functions that hand over what they could not do, in milliseconds. Ours: a call to a service that does
not answer takes at most half of it."""

DELETION_SETTLES_SECONDS: Final = 45 * 60
"""How long what is on its way may end by itself once its organization is deleted: longer than ingest's queue hands out
a notification that fails (5 times 6 minutes) and than a bounce waits for others (15 minutes), shorter than the hour
within which nothing can be read any more. Ours."""

MAX_EVENT_SUBJECT_CHARACTERS: Final = 256
"""Longest subject that a rule's function is told, in characters. Source: guide, ZH:4054."""

MAX_LINE_BYTES: Final = 1000
"""Longest line of a message that a function puts, in bytes, CRLF included. Source: RFC 5321, 4.5.3.1.6."""

MESSAGE_FLOW_SECONDS: Final = 86_400
"""How long the Message Flow API hands out a message, from when its flow was opened. Source: guide, ZH:4272."""

MAX_READ_FIELDS: Final = 10_000
"""Most header fields that are read, of those that any station reads; a message with more is bounced. Ours."""

MAX_ADDRESS_BYTES: Final = 160 * 1024
"""How much of a message's address fields is read for one purpose, in bytes, all fields together; a message whose
From and Sender have more is bounced. Ours: 500 addresses of the longest kind."""

MAX_AUTHORS: Final = 5_000
"""Most addresses that are read of From and of Sender; a message with more is bounced. Ours."""

MAX_AUTHOR_FIELDS: Final = 100
"""Most From fields, and Sender fields, that are read where readers may take them differently; a message with more is
bounced. Ours: RFC 5322 allows one of each, and each way of reading a field costs time."""

MAX_LOOKS: Final = 50_000
"""Most words of From, and of Sender, that are looked at as addresses; a message with more is bounced. Ours: a word is
looked at once for each way in which readers may take it."""
