"""HTTP beside Streamlit: sign-in, sessions, uploads, downloads, health, and the guard before all of it."""

from api.application import Beside, create_api
from api.guard import USER_HEADER, BrowserMessage, Guard, UploadRefused, is_same_origin
from api.limits import SocketLimits

__all__ = [
    "USER_HEADER",
    "Beside",
    "BrowserMessage",
    "Guard",
    "SocketLimits",
    "UploadRefused",
    "create_api",
    "is_same_origin",
]
