"""WORKS: what is measured, a file each."""

from benchmarks.bench import Work
from benchmarks.works import bulk, idle, memory, new, recording, small, startup, viewers, workers

_ALL = (
    small.WORK, new.WORK, bulk.WORK, memory.WORK, startup.WORK, recording.WORK, idle.WORK, workers.WORK, viewers.WORK,
)  # fmt: skip
WORKS: dict[str, Work] = {work.name: work for work in _ALL}
