"""Onboarding: what a phone needs to trust our root: the root itself in two wrappings, and a page that says where to tap.

It is handed out over plain HTTP, since a device that does not trust us yet can get it no other way. So everything here is
public, and the page says what it cannot promise: somebody in the network may have changed it on its way, and only the
fingerprint that the device's own settings show proves which root was installed.

Leaves to others: which requests get here (the way), and who answers them (`pages`).
"""

import base64
import hashlib
import html
import plistlib
import re
import uuid
from pathlib import Path
from string import Template

from tunnel.model.share import PAGES
from tunnel.share.words import fingerprint_pairs, fingerprint_words

CERTIFICATE = PAGES.decode() + "root.crt"
PROFILE = PAGES.decode() + "root.mobileconfig"
TRUST = PAGES.decode() + "trust"
"""The page's second address, under HTTPS, where "/" is the service's."""

_PAGE = (Path(__file__).parent / "static" / "onboarding.html").read_text(encoding="utf-8")
_STYLE = re.findall(r"<style>(.*?)</style>", _PAGE, re.DOTALL)
# Only the style that stands in the page itself, known by its hash (CSP 3 §2.3.1); no script, no frame, no form, no request.
POLICY = (
    "default-src 'none'; style-src "
    + " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in _STYLE)
    + "; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy that the page is to be sent with."""

# Phones act by the type: Safari offers to install a profile, Android's browsers keep the certificate as a file.
_PROFILE_TYPE = "application/x-apple-aspen-config"
_CERTIFICATE_TYPE = "application/x-x509-ca-cert"
_PAGE_TYPE = "text/html; charset=utf-8"

_OURS = uuid.UUID("4ac8ef55-9189-4653-b47c-0ff47bd678f3")  # names in it are fingerprints; drawn by lot once
_DEVICES = ("apple", "android", "computer")


class Onboarding:
    """Answers the paths that a device may ask for before it trusts us.

    Args:
      certificate: The root, DER.
      url: Where the share is under HTTPS, without a slash at its end.
      name: Of this machine, for people.

    Attributes:
      policy: The Content-Security-Policy of its page.
    """

    policy = POLICY

    def __init__(self, certificate: bytes, *, url: str, name: str) -> None:
        name = "".join(letter for letter in name if letter.isprintable())[:64] or "this computer"
        profile = root_profile(certificate, name)
        pages = {device: _page(certificate, url, name, device) for device in (*_DEVICES, "")}
        self._files = {CERTIFICATE: (_CERTIFICATE_TYPE, certificate), PROFILE: (_PROFILE_TYPE, profile)}
        self._pages = {device: (_PAGE_TYPE, page) for device, page in pages.items()}

    def __call__(self, path: str, agent: str = "") -> tuple[str, bytes] | None:
        """Return a path's content type and bytes, or None where nothing of ours is.

        Args:
          path: Without query: "/", or one below `PAGES`. Compared letter for letter.
          agent: The request's User-Agent: the steps for that device are open on the page.
        """
        if path in ("/", TRUST):
            return self._pages[device_of(agent)]
        return self._files.get(path)


def device_of(agent: str) -> str:
    """Return whose steps to show first, by a User-Agent: "apple", "android", "computer", or "" for none of them."""
    match agent:
        case _ if re.search(r"\b(iPhone|iPad|iPod)\b", agent):
            return "apple"
        case _ if "Android" in agent:
            return "android"
        case _ if re.search(r"\b(Windows NT|Macintosh|X11|CrOS)\b", agent):
            return "computer"
    return ""


def root_profile(certificate: bytes, name: str) -> bytes:
    """Return a configuration profile that installs a root: Apple, "Configuration Profile Reference", `CertificateRoot`.

    Its identifiers come from the fingerprint: a device that gets the same root again replaces the profile that it has, and
    the roots of two machines stand side by side.

    Args:
      certificate: The root, DER.
      name: Of this machine, printable.
    """
    fingerprint = hashlib.sha256(certificate).hexdigest()
    identifier = f"tunnel.root.{fingerprint[:16]}"
    payload = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.certificate",
        "PayloadUUID": _uuid(f"{fingerprint} certificate"),
        "PayloadDisplayName": f"Local development authority of {name}",
        "PayloadDescription": "Signs for local names and private addresses, and for nothing else.",
        "PayloadCertificateFileName": "root.cer",
        "PayloadContent": certificate,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": _uuid(fingerprint),
        "PayloadDisplayName": f"tunnel on {name}",
        "PayloadOrganization": "tunnel",
        "PayloadDescription": f"Lets this device trust what {name} shares. SHA-256: {fingerprint_pairs(fingerprint)}",
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [payload],
    }
    return plistlib.dumps(profile)


def _uuid(of: str) -> str:
    return str(uuid.uuid5(_OURS, of)).upper()


def _page(certificate: bytes, url: str, name: str, device: str) -> bytes:
    fingerprint = hashlib.sha256(certificate).hexdigest()
    words = fingerprint_words(fingerprint).split()
    pairs = fingerprint_pairs(fingerprint)
    values = {
        "name": html.escape(name),
        "url": html.escape(url),
        "host": html.escape(url.removeprefix("https://")),
        "certificate": CERTIFICATE,
        "profile": PROFILE,
        "words": "".join(f"<li>{word}</li>" for word in words),
        "pairs": "".join(f"<span>{pairs[at : at + 11]}</span> " for at in range(0, len(pairs), 12)),
    }
    shown = {f"{each}_open": " open" if each == device else "" for each in _DEVICES}
    return Template(_PAGE).substitute(values | shown).encode()
