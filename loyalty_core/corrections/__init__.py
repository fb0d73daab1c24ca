"""Undoing what was accepted: a preview of what it touches, then the differences."""

__all__: list[str] = []
