"""Own: the names in a message that are tunnel's own: a field and cookies that come from it, and end at the front."""

MARK = b"Tunnel-Replay"
"""The field that tells a front which exchange is repeated; it records that, and never forwards the field."""

INSPECTOR_COOKIE = b"tunnel-inspector-"
"""How the names of the inspector's cookies begin. Browsers send them to the front too: cookies know no ports."""

SHARE_COOKIE = b"__Host-tunnel-share-"
"""How the names of a share's cookies begin."""
