"""The operations of the WorkMail API: one file per family of operations, one table of all of them (``operations``).

An operation gets its ports and settings (``Context``), a request that has passed validation, and the time in
milliseconds. It returns the answer or raises a modelled error. Each change is one conditional transaction; if another
writer was faster, the operation is decided again (``api``). An effect outside the table is wrapped as intent, effect,
done: after a crash, repeating the call completes it.
"""
