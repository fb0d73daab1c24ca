"""The keys that only the processes of Laurel itself need; the others are `loyalty_core.kernel`'s."""

from loyalty_core.kernel import Settings, secret


def app_password(settings: Settings) -> str | None:
    """Return the database password of `laurel_app`, or None for the embedded server.

    Nobody but the server's own user reaches the embedded server's socket, so it asks for none.
    Raises WeakKeyError, ExposedKeyError.
    """
    return None if settings.database_url is None else secret(settings, "app_password")
