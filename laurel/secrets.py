"""The keys that only the processes of Laurel itself need; the others are `loyalty_core.kernel`'s."""

from laurel.embedded import derived_app_password
from loyalty_core.kernel import Settings, secret


def app_password(settings: Settings, owner_url: str) -> str | None:
    """Return the database password of `laurel_app`: of the embedded server derived from its owner's.

    Raises WeakKeyError, ExposedKeyError.
    """
    if settings.database_url is None:
        return derived_app_password(owner_url)
    return secret(settings, "app_password")
