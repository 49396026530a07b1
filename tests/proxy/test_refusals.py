"""What a person hears of a TLS handshake that failed."""

import pytest

from tunnel.net.tls import HandshakeFailed
from tunnel.proxy.connection import _refusal


@pytest.mark.parametrize(
    ("failure", "hint"),
    [
        (HandshakeFailed("tlsv1 alert unknown ca", distrust=True), "tunnel trust"),
        (HandshakeFailed("its certificate is not trusted (expired)", unverified=True), "tunnel cert --client NAME"),
        (HandshakeFailed("unsupported protocol"), "TLS 1.2"),
        (HandshakeFailed("no shared cipher"), "cipher"),
        (HandshakeFailed("anything else"), "output"),
    ],
)
def test_each_failure_is_told_with_what_helps(failure: HandshakeFailed, hint: str) -> None:
    told = _refusal(failure)

    assert told is not None
    assert hint in told.hint


def test_a_device_of_the_network_is_told_where_the_root_is() -> None:
    told = _refusal(HandshakeFailed("tlsv1 alert unknown ca", distrust=True), shared=True)

    assert told is not None
    assert "http://" in told.hint


@pytest.mark.parametrize("how", ["broken_off", "expired"])
def test_a_client_that_only_went_away_is_not_told_of(how: str) -> None:
    assert _refusal(HandshakeFailed("it closed the connection", **{how: True})) is None
