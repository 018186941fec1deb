"""Postroom: the mail organization that AWS took away, in your own account.

Reading order: ``model`` (words of the trade), ``contracts`` (what goes over a wire), ``inbound`` and ``delivery``
(the way of a letter), ``ledger`` (what is remembered of it), ``admin`` (the directory behind the API),
``ports`` (what these ask of the world), ``adapters`` (the world), ``bootstrap`` (who gets what).
"""
