"""Processes: which of a program's several is which."""

import psutil


def listening(parent: int, port: int) -> list[psutil.Process]:
    """Return those of a process's children that listen on a port now."""
    found = []
    for child in psutil.Process(parent).children():
        try:
            if any(at.laddr.port == port and at.status == psutil.CONN_LISTEN for at in child.net_connections("tcp")):
                found.append(child)
        except psutil.Error:
            pass  # it has just ended
    return found
