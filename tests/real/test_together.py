"""Several tunnels that start in the same moment on one folder: one authority, one store, and no word of trouble from any."""

import os
import re
import signal
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from certs.files import Layout
from tests.helpers.origins import origin
from tests.helpers.servers import PATIENCE, Program, python, within

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
MANY = 8
ROUNDS = 2
ANY = ("--listen", "127.0.0.1:0", "--inspector", "127.0.0.1:0")
_URL = re.compile(r"https?://127\.0\.0\.1:\d+")  # their lines may be mixed
TROUBLE = ("lock", "store", "cannot", "damaged", "error", "Traceback")


@pytest.mark.long
@pytest.mark.parametrize("options", [(), ("--plain",)])
def test_eight_that_start_at_once_in_an_empty_folder_all_record_and_say_nothing_of_a_lock(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Plain ones come to the store at the same moment; the others wait for each other at the authority before."""
    with origin() as upstream:
        for number in range(ROUNDS):
            folder = tmp_path / str(number)
            words = ("http", str(upstream.port), *ANY, *options, "--folder", str(folder))
            with Program(python("-m", "tests.helpers.together", str(MANY), *words), cwd=ROOT) as program:
                with within(PATIENCE):
                    while len(urls := _URL.findall(program.out.text)) < MANY:
                        pass
                root = Layout(folder / "authority").root
                context = ssl.create_default_context(cafile=None if options else root)
                with httpx.Client(verify=context, trust_env=False) as client:
                    assert {client.get(f"{url}/x").status_code for url in urls} == {200}
                program.told_to_end = True
                os.killpg(program.pid, signal.SIGINT)
                code = program.wait()
            said = program.err.text
            assert code == 0, said
            assert [line for line in said.splitlines() if any(word in line for word in TROUBLE)] == []
            with closing(sqlite3.connect(folder / "records.sqlite")) as store:
                assert store.execute("SELECT count(*) FROM exchange WHERE status = 200").fetchone() == (MANY,)
