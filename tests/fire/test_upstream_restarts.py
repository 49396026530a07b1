"""An upstream killed and restarted again and again while clients ask it: nothing is lost that may be sent twice."""

import http.client
import random
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
import trustme

from tests.fire.load import load
from tests.fire.places import LEDGER
from tests.helpers.fronts import Front
from tests.helpers.servers import Program, free_port, python, wait_until_it_listens


@pytest.mark.parametrize("scheme", ["http", "https+insecure"])
@pytest.mark.parametrize("kills", [pytest.param(3, marks=pytest.mark.slow), pytest.param(40, marks=pytest.mark.fire)])
def test_no_request_that_may_be_sent_twice_is_lost_and_no_other_is_sent_twice(
    scheme: str, kills: int, tmp_path: Path
) -> None:
    port, ledger, certificate = free_port(), tmp_path / "ledger", tmp_path / "certificate.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    argv = python(str(LEDGER), str(port), str(ledger), *([str(certificate)] if scheme != "http" else []))
    target = f"{scheme}://127.0.0.1:{port}"

    with Front(target, tmp_path / "folder", "--wait", "20s", "--quiet") as front:
        context = front.context()

        def connect() -> http.client.HTTPConnection:
            return http.client.HTTPSConnection("127.0.0.1", front.port, timeout=60, context=context)

        with Program(argv) as server:
            wait_until_it_listens(server, port)
            with load(connect, clients=8) as clients:
                for _ in range(kills):
                    clients.wait_for(10)  # it serves
                    threading.Event().wait(random.uniform(0, 0.3))  # and is killed at any moment
                    server.signal(signal.SIGKILL)
                    server.wait()
                    server = Program(argv)
                clients.wait_for(50)
            server.stop()

    told = clients.told
    lost = [each for each in told if each.method != "POST" and each.status != 200]
    assert not lost, f"{len(lost)} of {len(told)}: {lost[:5]}"
    assert {each.status for each in told} <= {
        200,
        502,
    }  # a POST that died is told of, as one that may have been carried out
    taken = Counter(ledger.read_text().splitlines())
    assert not [line for line, times in taken.items() if line.startswith("POST") and times > 1]
    assert not [each for each in told if each.status == 200 and not taken[f"{each.method} {each.target}"]]
