"""Submission of outbound mail: for every client that sends, and for what Postroom itself answers."""
