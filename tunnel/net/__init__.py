"""BYTES: sockets, TLS, dialling and relaying. Knows no HTTP."""
