"""BENCHMARKS: what we promise about speed, runnable by anyone, beside the peers they know. `python -m benchmarks --help`."""
