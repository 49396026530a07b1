"""DECISIONS: pure functions of model values that say yes, no, where, and what to change."""
