"""Calendar data (RFC 5545): objects are read when they are written to a mailbox, and a query works on their entries.

``objects`` reads iCalendar text with the icalendar library and makes an ``Entry`` of each object: its times are
resolved, its COUNT is an end. ``expand`` lists the instances of an entry in a window. It imports neither icalendar nor
dateutil, and its work does not depend on how long ago a series began.

Seconds named ``wall`` count the local clock from 1970-01-01T00:00:00, whatever the zone; all others count UTC.
"""
