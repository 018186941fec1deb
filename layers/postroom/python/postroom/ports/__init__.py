"""Interfaces to AWS and to our tables: one subject per file, each method with its promise and its errors."""
