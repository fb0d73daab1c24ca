"""Undoing imports."""
