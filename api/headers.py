"""What every answer says to the browser about what it may do."""

import base64
import hashlib
import re
from pathlib import Path


def inline_script_hashes(page: Path) -> list[str]:
    """Return the CSP sources of the scripts that stand in the page itself, counted from the file."""
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    ]


def security_headers(index_page: Path) -> list[tuple[bytes, bytes]]:
    """Return the headers of every answer; `index_page` is the page that Streamlit serves.

    Nothing comes from or goes to another host. Streamlit needs blob: for the scripts of its own components,
    and styles in the page, which emotion writes. The camera is for photos of invoices.
    """
    policy = "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self' blob:", *inline_script_hashes(index_page)]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
