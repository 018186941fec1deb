"""Exports on a disk: zip archives, mbox files and Maildirs."""
