"""Writes what is generated of WorkMail's API: the admin contract, and the data that teaches clients our operations."""
