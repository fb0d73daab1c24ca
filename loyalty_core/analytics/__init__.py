"""The analytics replica, and the one function that queries it."""

__all__: list[str] = []
