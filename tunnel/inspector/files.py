"""Files: the page. Read once, at import, by an exact list: no path of a request ever touches the disk."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from tunnel.errors import TunnelError

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


class File(NamedTuple):
    """A file of the page.

    Attributes:
      tag: Its ETag.
    """

    content: bytes
    type: str
    tag: str


def read(folder: Path) -> dict[str, File]:
    """Return the files of a folder by their names in it, as an address has them: "index.html", "views/json.js"."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in TYPES and path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
            found[path.relative_to(folder).as_posix()] = File(content, TYPES[path.suffix], tag)
    return found


FILES = read(FOLDER)


class Files:
    """Answers with files of the page."""

    def __init__(self, files: Mapping[str, File] | None = None) -> None:
        self.files = FILES if files is None else files

    async def page(self, request: Request) -> Response:
        """Answer the page itself."""
        return self._answer("index.html", request)

    async def one(self, request: Request) -> Response:
        """Answer a file by its exact name."""
        return self._answer(request.path_params["name"], request)

    def _answer(self, name: str, request: Request) -> Response:
        file = self.files.get(name)
        if file is None:
            raise TunnelError(f"the page has no file {name[:80]!r}", status=404)
        headers = {"ETag": file.tag, "Content-Type": file.type}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers)
