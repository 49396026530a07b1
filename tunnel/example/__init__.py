"""EXAMPLE: a small service with one path for each kind of traffic, to try tunnel on before one has a service oneself."""
