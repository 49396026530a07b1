"""What is imported after the start is there when no descriptor is left to open a file with."""

import subprocess
import sys

import pytest

FULL = """
import os, resource
from tunnel.errors import ClientError, TunnelError
from tunnel.http import answers, heads
heads.prepare()
answers.prepare()
import tunnel.model.message
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
try:
    os.open(os.devnull, os.O_RDONLY)
except OSError:
    pass
else:
    raise SystemExit("a file can still be opened")
odd = b"GET / HTTP/1.1\\r\\nHost:localhost\\r\\nAccept: text/html\\r\\n\\r\\n"
request = heads.read_request(odd, target_size=99, header_count=9)
response, body = answers.error_answer(TunnelError("no descriptor is left", status=503), request, close=True)
print(response.status, response.reason.decode(), body[:15].decode())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits descriptors as POSIX does")
def test_an_odd_head_is_read_and_an_error_shown_without_a_descriptor() -> None:
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60)

    assert done.stdout == "503 Service Unavailable <!doctype html>\n", done.stderr
