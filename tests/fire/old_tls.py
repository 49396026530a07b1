"""Old TLS: contexts that have nothing in common with ours, as old clients and servers have them."""

import ssl
import warnings


def old(context: ssl.SSLContext) -> None:
    """Speak TLS 1.1 only."""
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what makes it old
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1


def weak(context: ssl.SSLContext) -> None:
    """Offer one cipher, without forward secrecy."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")
