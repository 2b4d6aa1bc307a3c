"""A stub of EventBridge on this machine: answers PutEvents after a fixed time, and does as little else as it can.

It runs in its own process (`python -m bench.rig.stub LATENCY_MS`), prints its port, and exits when its input closes.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
# Occurs once in each entry: within a Detail, which is JSON in JSON, the quotes are escaped.
_ENTRY = b'"DetailType"'


class Bus(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.pieces: list[bytes] = []
        self.missing = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect a piece of a request; answer when the request is complete."""
        self.pieces.append(data)
        self.missing -= len(data)
        if self.missing > 0:
            return
        request = b"".join(self.pieces)
        head, separator, body = request.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        self.missing = int(length[1]) - len(body) if separator and length else 0
        if not separator or self.missing > 0:
            self.pieces = [request]
            return
        self.pieces = []
        asyncio.get_running_loop().call_later(self.latency_s, self.answer, body.count(_ENTRY))

    def answer(self, entries: int) -> None:
        if not self.transport.is_closing():
            self.transport.write(_answer(entries))


@cache
def _answer(entries: int) -> bytes:
    results = [{"EventId": f"{number:08x}-0000-0000-0000-000000000000"} for number in range(entries)]
    body = json.dumps({"FailedEntryCount": 0, "Entries": results}).encode()
    return (
        b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
        b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body


async def _serve(latency_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Bus(latency_s), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def running(latency_ms: int) -> Iterator[str]:
    """Run one in its own process; yields its endpoint."""
    command = [sys.executable, "-m", "bench.rig.stub", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) / 1000))
