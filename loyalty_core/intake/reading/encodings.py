"""What people call the encodings of text files; inside, they have Python's names."""

_NAMES = {
    "ascii": "ASCII",
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32 (big-endian)",
    "koi8-r": "KOI8-R",
}


def encoding_name(codec: str) -> str:
    """Return what spreadsheets call the encoding of a Python codec: windows-1250 for cp1250, ISO-8859-2."""
    name = codec.lower().replace("_", "-")
    if name in _NAMES:
        return _NAMES[name]
    page = name.removeprefix("cp")
    if page != name and page.isdecimal():
        # Windows' pages are numbered from 1250 on; those below are of its predecessors.
        return f"windows-{page}" if len(page) == 4 else f"IBM{page}"
    if name.startswith("iso8859"):
        return f"ISO-8859-{name.rpartition('-')[2]}"
    return name.upper()
