"""MEMORY: what passed, kept in SQLite. Stands beside the way and never on it."""
