"""The directory behind the WorkMail API: one file a family of operations, one table of them all (``operations``).

An operation takes what it may ask of the world (``Context``), a request that has passed validation, and the time in
milliseconds; it returns the answer or raises a modelled error. Whatever it changes is one conditional transaction; one
that another writer overtook is decided anew (``api``). Effects outside the table are wrapped as intent → effect → done,
so that repeating the call heals a crash anywhere.
"""
