"""People who sign in: who they are, what they may do and see, and their sessions."""

from loyalty_core.access.models import (
    app_user,
    export_file,
    sign_in_failure,
    sign_in_ticket,
    user_role,
    user_scope,
    web_session,
)
from loyalty_core.access.policy import (
    PERMISSIONS_OF_ROLE,
    Permission,
    Role,
    ScopeKind,
    UserState,
    permissions_of,
    role_title,
)

__all__ = [
    "PERMISSIONS_OF_ROLE",
    "Permission",
    "Role",
    "ScopeKind",
    "UserState",
    "app_user",
    "export_file",
    "permissions_of",
    "role_title",
    "sign_in_failure",
    "sign_in_ticket",
    "user_role",
    "user_scope",
    "web_session",
]
