"""THE WAY: from an accepted connection to an answered exchange."""
