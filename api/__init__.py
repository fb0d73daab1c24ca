"""HTTP beside Streamlit: sign-in, sessions, uploads, downloads, health, and the guard before all of it."""

from api.application import Beside, create_api
from api.guard import USER_HEADER, Guard, is_same_origin

__all__ = ["USER_HEADER", "Beside", "Guard", "create_api", "is_same_origin"]
