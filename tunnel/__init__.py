"""An HTTPS front for a dev server that records what passes."""

__version__ = "0.1.0"
