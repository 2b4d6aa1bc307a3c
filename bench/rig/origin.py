"""LeaderGet behind a small HTTP server, in place of API Gateway, with a note of every request and its second."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from scorecast.api import handler

# What API Gateway and a warm function take on AWS, about.
ANSWERS_AFTER_S = 0.05


@dataclass
class Origin:
    """The server's port, and when each address was requested from it, in seconds."""

    port: int = 0
    requested: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def most_in_a_second(self, address: str) -> int:
        """Return the highest number of requests in any period of one second."""
        times = sorted(self.requested[address])
        return max((sum(at <= other < at + 1 for other in times) for at in times), default=0)


@contextmanager
def serving(settings: Mapping[str, str]) -> Iterator[Origin]:
    """Serve LeaderGet with these settings in its environment."""
    origin = Origin()
    os.environ.update(settings)
    server = _Server(("127.0.0.1", 0), _handler_of(origin))
    origin.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


def _handler_of(origin: Origin) -> type[BaseHTTPRequestHandler]:
    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            origin.requested[self.path].append(time.monotonic())
            time.sleep(ANSWERS_AFTER_S)
            answer = handler.handle(_request(self.path, dict(self.headers)), None)
            body = answer["body"].encode()
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            if answer["statusCode"] != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Answers


def _request(target: str, headers: dict[str, str]) -> dict[str, Any]:
    url = urlsplit(target)
    return {
        "httpMethod": "GET",
        "path": unquote(url.path),
        "headers": headers,
        "multiValueQueryStringParameters": parse_qs(url.query) or None,
    }
