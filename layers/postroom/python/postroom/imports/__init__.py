"""Mail from elsewhere: zip archives, directories, mbox files and Maildirs are read, and entered into a mailbox."""
