"""This system: which of the ways to find a socket's holder serves here. Apart, so that no import runs in a circle."""

import sys

from tunnel.net.processes import Processes


def this_system(platform: str = sys.platform) -> Processes:
    """Return what finds holders here. The import waits until then: psutil costs 20 ms that `tunnel --help` need not pay."""
    if platform == "linux":
        from tunnel.net.procfs import ProcFs

        return ProcFs()
    from tunnel.net.process_list import ProcessList

    return ProcessList()
