"""What a browser may say on its socket, and what is left of control characters in it."""

import json

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from laurel.socket_messages import FOR_EVERYBODY, FOR_THE_SIGNED_IN, clean_query, read_message

UNWANTED = "\x00\x08\x0b\x1b\x7f\x85\u200e\u202e\u2066"
KINDS = [field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields]


def heard(said: BackMsg, *, is_signed_in: bool = True, whole_page: bool = False) -> BackMsg:
    read = read_message(said.SerializeToString(), is_signed_in=is_signed_in, whole_page=whole_page)
    assert read is not None
    message = BackMsg()
    message.ParseFromString(read.content)
    return message


def empty(kind: str) -> BackMsg:
    message = BackMsg()
    if kind == "backend_operation_request":
        message.backend_operation_request.dataframe_chunk.offset = 1
    elif BackMsg.DESCRIPTOR.fields_by_name[kind].message_type:
        getattr(message, kind).SetInParent()
    else:
        setattr(message, kind, True)
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_of_all_that_streamlit_understands_only_what_is_listed_passes(kind: str) -> None:
    raw = empty(kind).SerializeToString()
    anonymous = read_message(raw, is_signed_in=False, whole_page=False)
    signed_in = read_message(raw, is_signed_in=True, whole_page=False)
    assert (anonymous is not None) == (kind in {"rerun_script", "stop_script", "app_heartbeat"}), (
        "what everybody may say"
    )
    assert (signed_in is not None) == (
        kind
        in {
            "rerun_script",
            "stop_script",
            "app_heartbeat",
            "file_urls_request",
            "backend_operation_request",
        }
    ), "what people may say who are signed in"


def test_the_lists_name_messages_that_exist() -> None:
    assert set(KINDS) >= FOR_THE_SIGNED_IN > FOR_EVERYBODY


@pytest.mark.parametrize("payload", ["install_skills", "dismiss_skills_nudge"])
def test_operations_on_the_server_itself_do_not_pass(payload: str) -> None:
    message = BackMsg()
    getattr(message.backend_operation_request, payload).SetInParent()
    assert read_message(message.SerializeToString(), is_signed_in=True, whole_page=False) is None


def test_a_request_for_a_million_addresses_does_not_pass() -> None:
    message = BackMsg()
    message.file_urls_request.file_names.extend(["a"] * 21)
    assert read_message(message.SerializeToString(), is_signed_in=True, whole_page=False) is None


def test_what_is_no_message_does_not_pass() -> None:
    assert read_message(b"\xff\xff\xff", is_signed_in=True, whole_page=False) is None


def test_every_text_of_a_message_loses_its_control_characters() -> None:
    message = BackMsg()
    run = message.rerun_script
    run.query_string = f"words=a%00b%E2%80%AEc&page=2{UNWANTED}&kept=%C5%BC%0A%ff"
    run.context_info.timezone = f"Europe/{UNWANTED}Warsaw"
    run.widget_states.widgets.add(id="search", string_value=f"Acme{UNWANTED}\tLtd\n")
    run.widget_states.widgets.add(id="several").string_array_value.data.extend([f"a{UNWANTED}", "b"])
    run.widget_states.widgets.add(id="chat").chat_input_value.data = UNWANTED
    edited = {"edited_rows": {"0": {f"na{UNWANTED}me": f"x{UNWANTED}", "sign": "\U0001f600", "count": 1.5}}}
    run.widget_states.widgets.add(id="table", json_value=json.dumps(edited))

    cleaned = heard(message).rerun_script
    assert cleaned.query_string == "words=a" + "bc&page=2&kept=%C5%BC%0A%ff"
    assert cleaned.context_info.timezone == "Europe/Warsaw"
    values = {widget.id: widget for widget in cleaned.widget_states.widgets}
    assert values["search"].string_value == "Acme\tLtd\n"
    assert list(values["several"].string_array_value.data) == ["a", "b"]
    assert values["chat"].chat_input_value.data == ""
    assert json.loads(values["table"].json_value) == {
        "edited_rows": {"0": {"name": "x", "sign": "\U0001f600", "count": 1.5}}
    }
    assert not any(sign in str(cleaned) for sign in UNWANTED if sign != "\x0b")


def test_a_clean_message_passes_as_it_is_and_nobody_is_told() -> None:
    message = BackMsg()
    message.rerun_script.query_string = "words=%C5%BB%C3%B3%C5%82w+100%25"
    message.rerun_script.widget_states.widgets.add(id="a", json_value='{"text": "\\\\u0000 \\n"}')
    read = read_message(message.SerializeToString(), is_signed_in=True, whole_page=False)
    assert read is not None
    assert not read.was_cleaned
    assert BackMsg.FromString(read.content) == message


def test_a_query_string_hides_no_control_character_in_percent_signs() -> None:
    assert clean_query("a=%00%1f%7F%C2%85%E2%80%8F") == "a="
    assert clean_query("a=%2500") == "a=%2500"


def test_a_rerun_of_a_fragment_becomes_one_of_the_page_where_rights_changed() -> None:
    message = BackMsg()
    message.rerun_script.fragment_id = "part"
    message.rerun_script.is_auto_rerun = True
    assert heard(message) == message
    whole = heard(message, whole_page=True).rerun_script
    assert (whole.fragment_id, whole.is_auto_rerun) == ("", False)
