"""WORKS: what is measured, a file each."""

from benchmarks.bench import Work
from benchmarks.works import bulk, idle, memory, new, recording, small, startup, workers

WORKS: dict[str, Work] = {
    work.name: work
    for work in (small.WORK, new.WORK, bulk.WORK, memory.WORK, startup.WORK, recording.WORK, idle.WORK, workers.WORK)
}
