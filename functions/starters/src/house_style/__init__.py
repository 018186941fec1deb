"""A synchronous rule function: tags subjects, adds a disclaimer, takes out forbidden attachments.

Read `app.py` first, then `restyle.py`. `mime.py` says where the parts of a message are; everything else answers with
edits of its bytes, so that what nobody edits stays byte for byte as it came.
"""
