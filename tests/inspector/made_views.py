"""Made views over several exchanges: two compared, and the overview of a quarter of an hour."""

import time
from typing import Any

Shape = dict[str, Any]
SIZES = {16: "lamp", 15: "sun"}  # of bodies that name one of these


def compared(left: Shape, right: Shape) -> list[Shape]:
    """Return what differs, in a small way."""
    rows = []

    def row(where: str, name: str, one: object, other: object, *, noise: bool = False) -> None:
        texts = [None if value is None else str(value) for value in (one, other)]
        rows.append(
            {
                "where": where,
                "name": name,
                "left": texts[0],
                "right": texts[1],
                "same": one == other,
                "noise": noise and one != other,
            }
        )

    row("outcome", "state", left["state"], right["state"])
    row("request.head", "method", left["method"], right["method"])
    row("request.head", "path", left["target"], right["target"])
    row("request.head", "Host", left["host"], right["host"])
    row("request.body", "$.name", *(SIZES.get(one["request_size"]) for one in (left, right)))
    row("response.head", "status", left["status"], right["status"])
    row(
        "response.head",
        "Date",
        f"Sat, 21 Nov 2026 09:00:{left['id'] % 60:02}",
        f"Sat, 21 Nov 2026 09:00:{right['id'] % 60:02}",
        noise=True,
    )
    row("timings", "wait", left["ended"], right["ended"], noise=True)
    return rows


def overview(*, empty: bool = False) -> Shape:
    """Return a quarter of an hour with a burst, a gap and some errors in it."""
    buckets = []
    begin = time.time_ns() // 10_000_000_000 * 10_000_000 - 890_000_000
    for n in range(0 if empty else 90):
        if 40 <= n < 46:
            continue
        requests = 20 + (n * 37) % 45 + (120 if 60 <= n < 64 else 0)
        errors, refused, elsewhere = (n * 7) % 5 + (40 if 60 <= n < 64 else 0), (n * 3) % 7, (n * 5) % 9
        slow = 60 <= n < 64
        buckets.append({
            "at": begin + n * 10_000_000, "requests": requests, "failed": errors // 2,
            "1xx": n % 4 == 0, "2xx": max(0, requests - errors - refused - elsewhere),
            "3xx": elsewhere, "4xx": refused, "5xx": errors,
            "p50": 4000 + (n * 131) % 900, "p95": 18_000 + (n * 997) % 7000 + 60_000 * slow,
            "p99": 42_000 + (n * 1777) % 18_000 + 150_000 * slow,
        })  # fmt: skip
    slowest = [
        {
            "method": "GET",
            "path": f"/api/slow/{n}",
            "count": 40 - n,
            "p50": 90_000 - n * 4000,
            "p95": 220_000 - n * 8000,
            "max": 510_000 - n * 9000,
        }
        for n in range(0 if empty else 8)
    ]
    return {"seconds": 10, "buckets": buckets, "slowest": slowest}
