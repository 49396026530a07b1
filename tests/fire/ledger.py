"""A server that writes down every request it takes before it answers, so that nothing it did is forgotten when it is killed.

    python ledger.py PORT FILE [CERTIFICATE]

Each line of the file is a method and a target, appended in one write. `/slow` is answered after a minute. HTTP/1.1 with
keep-alive; over TLS where a certificate with its key is named.
"""

import os
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MINUTE = 60.0


class Clerk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ledger = -1

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        os.write(self.ledger, f"{self.command} {self.path}\n".encode())
        if self.path.startswith("/slow"):
            threading.Event().wait(MINUTE)
        answer = f"{self.command} {self.path} {len(body)}".encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))

    do_PUT = do_DELETE = do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    secure: ssl.SSLContext | None = None

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.secure is not None:  # here, in the connection's own thread
            request = self.secure.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)  # type: ignore[arg-type]

    def handle_error(self, *_: object) -> None:
        pass  # clients come and go here


if __name__ == "__main__":
    Clerk.ledger = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    if len(sys.argv) > 3:
        Server.secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        Server.secure.load_cert_chain(sys.argv[3])
    Server(("127.0.0.1", int(sys.argv[1])), Clerk).serve_forever()
