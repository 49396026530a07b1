"""proxy.py as a reverse proxy, plain and TLS. `proxypy.py PROXY PLAIN TLS PEM`; the origin's URL is in ORIGIN.

One of its processes speaks one of the two, so there are two. A thread a connection (`--threaded`): with its own event loop
version 2.4.10 loses kept connections of a reverse proxy (FileNotFoundError in `selectors.modify`).
This file is its plugin too.
"""

import os
import subprocess
import sys
from pathlib import Path


def main(proxy: str, plain: str, tls: str, pem: str) -> None:
    """Start both and stay while they run; whoever ends us ends them."""
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": str(here.parent)}
    common = [
        proxy, "--hostname", "127.0.0.1", "--threaded", "--num-workers", "1", "--num-acceptors", "1", "--log-level", "e",
        "--enable-reverse-proxy", "--plugins", f"{here.stem}.ToOrigin",
    ]  # fmt: skip
    both = [
        subprocess.Popen([*common, "--port", port, *more], env=environment)
        for port, more in ((plain, []), (tls, ["--cert-file", pem, "--key-file", pem]))
    ]
    for one in both:
        one.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
else:
    from proxy.http.server import ReverseProxyBasePlugin

    class ToOrigin(ReverseProxyBasePlugin):  # type: ignore[misc]
        """Sends everything to the origin."""

        def routes(self) -> list[tuple[str, list[bytes]]]:
            """Return which paths go where."""
            return [(r"/.*", [os.environ["ORIGIN"].encode()])]
