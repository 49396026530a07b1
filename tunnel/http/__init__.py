"""MESSAGES: HTTP between bytes and the small alphabet of `tunnel.model.message`."""
