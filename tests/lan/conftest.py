"""What the tests on the LAN share: one network and one service for each file."""

from collections.abc import Iterator

import pytest

from tests.lan.network import Network, network
from tests.lan.service import Service
from tests.lan.service import service as running_service
from tests.lan.shares import Shared


@pytest.fixture(scope="module")
def hosts() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def counted(hosts: Network) -> Iterator[Service]:
    with running_service(hosts.server) as running:
        yield running


@pytest.fixture
def service(counted: Service) -> Service:
    """The service, which has heard nothing yet."""
    counted.forget()
    return counted


@pytest.fixture(scope="module")
def share(hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A share as it is without any flag about access: by pairing."""
    with Shared(hosts, counted.port, tmp_path_factory.mktemp("share")) as running:
        yield running
