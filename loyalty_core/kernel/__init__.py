"""What every subdomain stands on: ids, clock, money, errors, settings, database, scope, texts, logs."""

from loyalty_core.kernel.clock import now
from loyalty_core.kernel.database import (
    DATABASE_WENT_AWAY,
    STATEMENT_FAILED,
    AppRights,
    Database,
    Uuid,
    driver_connection,
    libpq_url,
    metadata,
    rights_of,
    set_scope,
    sqlalchemy_url,
)
from loyalty_core.kernel.errors import NotAllowedError, NotFoundError, Refusal, StateError
from loyalty_core.kernel.exports import Cell, Sheet, csv_text, write_csv, write_workbook, write_xlsx
from loyalty_core.kernel.files import is_file_of
from loyalty_core.kernel.ids import new_id
from loyalty_core.kernel.images import MOST_PIXELS, NoPictureError, TooManyPixelsError, clean_picture
from loyalty_core.kernel.logs import configure_logs, get_logger
from loyalty_core.kernel.money import (
    Money,
    UnknownCurrencyError,
    minor_digits,
    minor_factors,
    share_minor,
    to_minor,
)
from loyalty_core.kernel.payloads import ChangedSinceShownError, payload_hash
from loyalty_core.kernel.runtime import Runtime, current_database, current_runtime, use_runtime
from loyalty_core.kernel.scope import ActorKind, Scope
from loyalty_core.kernel.secrets import ExposedKeyError, WeakKeyError, secret
from loyalty_core.kernel.settings import PROJECT_FOLDER, Settings
from loyalty_core.kernel.sorting import Sort, Sorts, UnknownSortError, in_order
from loyalty_core.kernel.text import N_, _, clean_text, current_locale, folded, is_clean, ngettext

__all__ = [
    "DATABASE_WENT_AWAY",
    "MOST_PIXELS",
    "N_",
    "PROJECT_FOLDER",
    "STATEMENT_FAILED",
    "ActorKind",
    "AppRights",
    "Cell",
    "ChangedSinceShownError",
    "Database",
    "ExposedKeyError",
    "Money",
    "NoPictureError",
    "NotAllowedError",
    "NotFoundError",
    "Refusal",
    "Runtime",
    "Scope",
    "Settings",
    "Sheet",
    "Sort",
    "Sorts",
    "StateError",
    "TooManyPixelsError",
    "UnknownCurrencyError",
    "UnknownSortError",
    "Uuid",
    "WeakKeyError",
    "_",
    "clean_picture",
    "clean_text",
    "configure_logs",
    "csv_text",
    "current_database",
    "current_locale",
    "current_runtime",
    "driver_connection",
    "folded",
    "get_logger",
    "in_order",
    "is_clean",
    "is_file_of",
    "libpq_url",
    "metadata",
    "minor_digits",
    "minor_factors",
    "new_id",
    "ngettext",
    "now",
    "payload_hash",
    "rights_of",
    "secret",
    "set_scope",
    "share_minor",
    "sqlalchemy_url",
    "to_minor",
    "use_runtime",
    "write_csv",
    "write_workbook",
    "write_xlsx",
]
