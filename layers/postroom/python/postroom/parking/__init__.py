"""Parking: what a retry cannot help waits here, with its cause, until a person decides.

``parking`` sets aside and takes up again, ``dead_letters`` reads what stations and SQS gave up on, ``sweep`` looks for
what was forgotten.
"""
