"""How much of this process's memory the files that people give to pages may take.

Streamlit keeps every file that is PUT to its upload route, whether a page asked for one or not, for as long as
the page's session lives. Here the bytes of a page, of a person and of the process have a sum.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from api import UploadRefused
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import _, clean_text, is_clean

PAGE_BYTES = 64 * 1024**2
USER_BYTES = 128 * 1024**2
PROCESS_BYTES = 768 * 1024**2
# A phone that changes networks comes back to its page within this time and finds its files.
SECONDS_AFTER_CLOSING = 20.0


class UploadSpace:
    """Counts the bytes that pages hold, and those on their way in. Used from the event loop's thread alone."""

    def __init__(
        self,
        *,
        page_bytes: int = PAGE_BYTES,
        user_bytes: int = USER_BYTES,
        process_bytes: int = PROCESS_BYTES,
        seconds_after_closing: float = SECONDS_AFTER_CLOSING,
    ) -> None:
        self._page_bytes = page_bytes
        self._user_bytes = user_bytes
        self._process_bytes = process_bytes
        self._seconds_after_closing = seconds_after_closing
        self._owners: dict[str, UUID] = {}
        self._coming: Counter[str] = Counter()
        self._closed_at: dict[str, float] = {}

    def check(self, page_session: str, user: SignedInUser) -> None:
        """Raise UploadRefused unless the page's session is open and this user's."""
        session = runtime.get_instance().get_app_session(page_session)
        if session is None or not session.matches_user_info({"session": str(user.session_id)}):
            raise UploadRefused(_("This page is not open any more. Load it again."), 403)
        self._owners[page_session] = user.id

    @contextmanager
    def room(self, page_session: str, user: SignedInUser, size: int) -> Iterator[None]:
        """Keep room for `size` more bytes inside the block. Raises UploadRefused."""
        held = self._held()
        own = sum(amount for page, amount in held.items() if self._owners.get(page) == user.id)
        if held[page_session] + size > self._page_bytes or own + size > self._user_bytes:
            raise UploadRefused(
                _("You have given too many files at once. Remove some, or close other pages."), 413
            )
        if held.total() + size > self._process_bytes:
            raise UploadRefused(_("Too many files are coming in just now. Try again in a minute."), 503)
        self._coming[page_session] += size
        try:
            yield
        finally:
            self._coming[page_session] -= size
            if not self._coming[page_session]:
                del self._coming[page_session]
            self._clean_names(page_session)

    def held_bytes(self) -> int:
        """Return the bytes that pages hold now, those that are coming in included."""
        return self._held().total()

    def socket_closed(self) -> None:
        """Free the files of closed pages, after the time in which they may come back."""
        self._sweep()
        if self._closed_at:
            asyncio.get_running_loop().call_later(self._seconds_after_closing + 0.1, self._sweep)

    def _files(self) -> MemoryUploadedFileManager:
        files = runtime.get_instance().uploaded_file_mgr
        assert isinstance(files, MemoryUploadedFileManager)
        return files

    def _clean_names(self, page: str) -> None:
        for file in list(self._files().file_storage.get(page, {}).values()):
            if not is_clean(file.name):
                self._files().add_file(page, file._replace(name=clean_text(file.name)))

    def _held(self) -> Counter[str]:
        # Script threads remove files meanwhile: the copies are taken in one step each.
        held = Counter(self._coming)
        for page, files in list(self._files().file_storage.items()):
            held[page] += sum(len(file.data) for file in list(files.values()))
        return held

    def _sweep(self) -> None:
        if not runtime.exists():
            return
        instance = runtime.get_instance()
        moment = time.monotonic()
        for page in list(self._owners):
            if instance.is_active_session(page) or self._coming[page]:
                self._closed_at.pop(page, None)
            elif moment - self._closed_at.setdefault(page, moment) >= self._seconds_after_closing:
                self._files().remove_session_files(page)
                del self._owners[page], self._closed_at[page]
