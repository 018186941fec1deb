"""Exchange Web Services: the envelope, and a module per operation that writes and reads both of its messages.

Source: Microsoft's schemas messages.xsd and types.xsd of Exchange Web Services, version Exchange2010_SP2, as the
specifications MS-OXWAVLS, MS-OXWSCDATA and others print them (section 7). Their types are sequences: a message is
written in the schema's order, because clients that are generated from the schema read no other.
"""
