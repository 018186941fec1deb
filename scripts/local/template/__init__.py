"""Reads SAM templates, and makes at the emulator what they ask for."""
