"""Words of the trade: frozen, pure, free of any wire format or service.

``addresses`` (who), ``verdicts`` (what SES thinks of it), ``facts`` (what happened), ``mailbox`` (where it lies),
``directory`` (whose it is), ``limits`` (how much of it).
"""
