"""PROGRAMS: the small processes that a benchmark starts beside the peers. Each runs alone and stops with a signal."""
