"""A server that answers as a test says, for what a real one cannot be made to do."""

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any] | None
"""Status and body; None closes the connection without one."""
Answering = Callable[[str, str, bytes], Answer]


class Stub:
    """What a server was asked, and where it is."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.asked: list[tuple[str, str, dict[str, str]]] = []


@contextlib.contextmanager
def stub_server(
    answering: Answering, port: int = 0, context: ssl.SSLContext | None = None
) -> Iterator[Stub]:
    """Answer requests (method, path, body) for the time of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stub.asked.append((self.command, self.path, dict(self.headers)))
            answer = answering(self.command, self.path, body)
            if answer is None:
                self.close_connection = True
                return
            status, content = answer
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that gave up waiting

    server = Server(("127.0.0.1", port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    stub = Stub(server.server_address[1], "http" if context is None else "https")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def healthy(method: str, path: str, body: bytes) -> Answer:
    """Answer as a server without any index."""
    if path == "/":
        return 200, {"version": {"number": "8.19.0"}}
    return 200, {}
