"""Forms: what guards the pages' forms, and what came in them. Pure functions.

A POST is ours if its Origin is, if no browser says that another site's page made it, and if it brings the token that
stood in the form, which belongs to a cookie of that browser (CSRF). Where it leads to afterwards is a path of this host
and nothing else.
"""

import hashlib
import hmac
import re
from urllib.parse import parse_qsl

from tunnel.model.headers import Headers

LONGEST_FORM = 4096  # bytes
_MOST_FIELDS = 8
# One slash and no second; no backslash, which browsers take for a slash; nothing that is not plain ASCII.
_PATH = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")


def safe_path(text: str) -> str:
    """Return where to go afterwards: a path of this host, with its query; "/" for anything else."""
    return text if is_safe_path(text) else "/"


def is_safe_path(text: str) -> bool:
    """Whether a browser reads this as a path of the host that it is on, and not as one of our pages."""
    return bool(_PATH.fullmatch(text)) and not text.lower().startswith("/.tunnel") and len(text) <= LONGEST_FORM


def is_ours(headers: Headers, host: str) -> bool:
    """Whether a POST was made by a page of this host.

    Args:
      host: As the browser named it, with the port where it is not implied.
    """
    if [value.lower() for value in headers.all(b"origin")] != [f"https://{host.lower()}".encode("latin-1", "replace")]:
        return False
    return headers.all(b"sec-fetch-site") in ([], [b"same-origin"])


def is_guess_of_a_browser(headers: Headers) -> bool:
    """Whether nobody opened this page: a browser fetched it in case somebody will."""
    asked = headers.all(b"sec-purpose") + headers.all(b"purpose") + headers.all(b"x-moz") + headers.all(b"x-purpose")
    return any(word in value.lower() for value in asked for word in (b"prefetch", b"prerender", b"preview"))


def form_token(key: bytes, purpose: str, cookie: str) -> str:
    """Return what stands in a form that only the browser with this cookie may send."""
    return hmac.new(key, f"{purpose}\0{cookie}".encode(errors="replace"), hashlib.sha256).hexdigest()


def same(ours: str, given: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(ours.encode(), given.encode(errors="replace"))


def fields_of(text: bytes) -> dict[str, str]:
    """Return the fields of a form or a query, the first of each name; none if it is no form."""
    try:
        pairs = parse_qsl(
            text.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict", strict_parsing=False
        )
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found
