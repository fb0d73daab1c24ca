"""What a browser may say to Streamlit on its socket, and how texts in it are cleaned.

Streamlit takes a dozen kinds of messages from everybody who opens a socket: one of them empties the caches of
all people. Only what its own front end needs here passes.
"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from streamlit.proto.BackMsg_pb2 import BackMsg

from api import BrowserMessage
from loyalty_core.kernel import clean_text, is_clean

FOR_EVERYBODY = frozenset({"rerun_script", "stop_script", "app_heartbeat"})
FOR_THE_SIGNED_IN = FOR_EVERYBODY | {"file_urls_request", "backend_operation_request"}
BACKEND_OPERATIONS = frozenset({"deferred_file", "dataframe_chunk"})
MOST_FILES_AT_ONCE = 20

_JSON_FIELDS = frozenset({"json_value", "json_trigger_value"})
# An escape in JSON that may stand for an unwanted character; what it stands for is looked at after decoding.
_ESCAPE = re.compile(r"\\u(?:00|06|20|[dD][89a-fA-F])")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")


def read_message(raw: bytes, *, is_signed_in: bool, whole_page: bool) -> BrowserMessage | None:
    """Return a browser's message as Streamlit may have it, or None for one that must not reach it.

    Args:
        raw: The bytes of a BackMsg.
        is_signed_in: Whether a living session stands behind the socket.
        whole_page: Whether a rerun of one fragment is to become a rerun of the page.
    """
    message = BackMsg()
    try:
        message.ParseFromString(raw)
    except DecodeError:
        return None
    kind = message.WhichOneof("type")
    if kind not in (FOR_THE_SIGNED_IN if is_signed_in else FOR_EVERYBODY):
        return None
    if kind == "backend_operation_request":
        if message.backend_operation_request.WhichOneof("payload") not in BACKEND_OPERATIONS:
            return None
    elif kind == "file_urls_request":
        if len(message.file_urls_request.file_names) > MOST_FILES_AT_ONCE:
            return None
    elif kind == "rerun_script" and whole_page:
        message.rerun_script.fragment_id = ""
        message.rerun_script.is_auto_rerun = False
    was_cleaned = _clean(message)
    return BrowserMessage(message.SerializeToString(), was_cleaned)


def clean_query(query: str) -> str:
    """Return a query string without unwanted characters, percent-encoded ones included."""

    def cleaned(found: "re.Match[str]") -> str:
        octets = unquote_to_bytes(found.group())
        try:
            text = octets.decode()
        except UnicodeDecodeError:
            text = octets.decode("utf-8", "replace")
        return found.group() if is_clean(text) else quote(clean_text(text), safe="")

    return _PERCENT.sub(cleaned, clean_text(query))


def _clean_json(text: str) -> str:
    text = clean_text(text)
    if not _ESCAPE.search(text):
        return text
    try:
        return json.dumps(_clean_tree(json.loads(text)))
    except (ValueError, RecursionError):
        return "null"


def _clean_tree(tree: Any) -> Any:
    if isinstance(tree, str):
        return clean_text(tree)
    if isinstance(tree, list):
        return [_clean_tree(branch) for branch in tree]
    if isinstance(tree, dict):
        return {clean_text(key): _clean_tree(branch) for key, branch in tree.items()}
    return tree


def _cleaner(name: str) -> Callable[[str], str]:
    if name in _JSON_FIELDS:
        return _clean_json
    return clean_query if name in ("query_string", "url") else clean_text


def _clean(message: Message) -> bool:
    """Clean every text of the message in place; return whether one changed."""
    changed = False
    for field, value in message.ListFields():
        clean = _cleaner(field.name)
        if field.type == field.TYPE_MESSAGE:
            for part in value if field.is_repeated else [value]:
                changed |= _clean(part)
        elif field.type == field.TYPE_STRING and field.is_repeated:
            texts = [clean(text) for text in value]
            if texts != list(value):
                value[:] = texts
                changed = True
        elif field.type == field.TYPE_STRING and (text := clean(value)) != value:
            setattr(message, field.name, text)
            changed = True
    return changed
