"""Where LocalStack's free release answers otherwise than AWS or moto, as the contract suites find it."""

from __future__ import annotations

from typing import Final

TRIED: Final = "4.14.0"
"""The release of which the table is true: a test below that passes there is an error."""

ELSEWHERE: Final = frozenset(
    {
        "test_addressees",
        "test_availability_functions",
        "test_availability_queries",
        "test_calendar_windows",
        "test_calendars",
        "test_commit_outcomes",
        "test_directory",
        "test_ews_servers",
        "test_export_files",
        "test_function_roles",
        "test_ledger",
        "test_listed_orders",
        "test_login_calls",
        "test_mailbox_additions",
        "test_mailbox_removal",
        "test_mailboxes",
        "test_message_contents",
        "test_metrics",
        "test_newer_rows",
        "test_open_calls",
        "test_open_transmissions",
        "test_organization_removal",
        "test_outgoing",
        "test_owned_records",
        "test_parked",
        "test_passwords",
        "test_probes",
        "test_replies",
        "test_resource_records",
        "test_rule_functions",
        "test_smtp_relays",
        "test_stack_metrics",
        "test_submits",
        "test_transit",
        "test_transit_scans",
        "test_written_objects",
    }
)
"""Suites that call DynamoDB alone, a function, a server of the test, or nothing."""

_COLUMNS = "deliveries of WorkMail's logs have CloudFront's columns"
_NO_STATUS = "S3 has no GetBucketPolicyStatus: every policy counts as public"
_NO_BOUNCE = "SES has no SendBounce"
_NO_DELETE = "SES has no DeleteReceiptRule"
_NO_V2 = "there is no SES v2"

DIFFERENCES: Final = {
    "test_audit_deliveries": {
        "test_what_stock_boto3_configures_is_delivered_without_a_fault": _COLUMNS,
        "test_a_destination_without_a_format_gets_json": _COLUMNS,
        "test_what_aws_shows_before_a_suffix_path_is_not_written_twice": _COLUMNS,
        "test_a_delivery_that_cannot_be_carried_out_has_a_fault_and_stops_no_other": _COLUMNS,
        "test_unknown_fields_and_destinations_are_faults": _COLUMNS,
        "test_all_pages_are_read": _COLUMNS,
    },
    "test_bounces": {
        "test_each_bounce_message_has_an_id_of_its_own[ses]": _NO_BOUNCE,
        "test_the_emulator_notes_what_ses_is_asked_to_answer": _NO_BOUNCE,
        "test_a_raw_one_goes_to_the_sender_alone_from_an_address_that_nobody_has": "the test reads moto's list",
    },
    "test_customer_objects": {
        "test_a_bucket_of_another_account_is_refused[s3]": "HeadBucket does not compare ExpectedBucketOwner",
        "test_a_bucket_whose_policy_denies_is_refused[s3]": "S3 evaluates no policy of a bucket",
    },
    "test_digest_signatures": {
        "test_moto_signs_the_hash_of_a_hash_that_it_gets": "KMS signs a digest as AWS's does; moto hashes it again",
    },
    "test_domain_services": {
        "test_an_identity_keeps_its_dkim_tokens[ses]": _NO_V2,
        "test_ses_forwards_no_bounces_of_a_domain_by_mail": _NO_V2,
        "test_a_domain_that_is_not_known_is_pending[ses]": "SES calls every identity verified",
        "test_routes_may_be_made_and_ended_twice[ses]": _NO_DELETE,
        "test_a_domain_that_is_somebody_elses_by_now_keeps_its_route[ses]": _NO_DELETE,
        "test_domains_share_rules_of_a_hundred": _NO_DELETE,
        "test_rules_of_others_stay_as_they_are": _NO_DELETE,
    },
    "test_export_checks": {
        "test_a_bucket_says_where_it_is_and_whether_it_is_public[aws-policed": _NO_STATUS,
        "test_the_bucket_is_asked_as_one_of_this_account": _NO_STATUS,
    },
    "test_export_uploads": {"test_every_call_names_the_account_that_owns_the_bucket": _NO_STATUS},
}
"""By suite, and by the beginning of a test's name: what LocalStack does. docs/parity.md has the same for readers."""


def difference(suite: str, test: str) -> str | None:
    """Return why a test fails on LocalStack; None: it passes."""
    known = DIFFERENCES.get(suite, {})
    return next((reason for name, reason in known.items() if test.startswith(name)), None)
