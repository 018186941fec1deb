"""Parking: what a retry cannot help is parked with its cause until an operator decides.

``parking`` parks and discards, ``flows`` parks what concerns a whole flow, ``redrive`` puts things back on their way,
``dead_letters`` reads what stations and SQS gave up on, ``sweep`` finds what is open for too long.
"""
