"""How many requests reach the API when many viewers watch a board behind an HTTP cache: `python -m bench.measure.edge`.

Each viewer does what the page does, a fixed number of times: every two seconds the board, every tenth time its
histogram, once the list of boards, each with the ETag of the answer before. The board's entries are in DynamoDB Local.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import quantiles

from bench.measure.lookups import loaded
from bench.report.results import Row, create_parser, save
from bench.rig import caches, dynamodb_local, functions
from bench.rig.origin import Origin, serving
from bench.rig.tables import empty_tables
from scorecast.ops.cost.viewers import HISTOGRAM_EVERY, REFRESH_S

ENTRIES = 10_000
_STATUS, _LENGTH = re.compile(rb"HTTP/1.1 (\d+)"), re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TAG = re.compile(rb"etag: *([^\r]+)", re.IGNORECASE)


@dataclass
class Answered:
    """What the viewers were answered: the milliseconds of each answer by address, and the other statuses."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: int = 0


class Viewer:
    """One viewer on one connection."""

    def __init__(self, port: int, answered: Answered) -> None:
        self.port, self.answered = port, answered
        self.tags: dict[str, bytes] = {}

    async def watch(self, addresses: tuple[str, str, str], rounds: int, starts_after_s: float) -> None:
        """Ask as the page does, `rounds` times."""
        boards, board, histogram = addresses
        await asyncio.sleep(starts_after_s)
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        started = time.monotonic()
        await self._ask(boards)
        for number in range(rounds):
            await self._ask(board)
            if number % HISTOGRAM_EVERY == 0:
                await self._ask(histogram)
            await asyncio.sleep(max(0.0, started + (number + 1) * REFRESH_S - time.monotonic()))
        self.writer.close()

    async def _ask(self, address: str) -> None:
        tag = self.tags.get(address)
        # A browser says so for the page, whose requests pass its own cache.
        known = b"Cache-Control: no-cache\r\nPragma: no-cache\r\n"
        known += b"If-None-Match: %s\r\n" % tag if tag else b""
        started = time.perf_counter()
        self.writer.write(b"GET %s HTTP/1.1\r\nHost: scorecast.test\r\n%s\r\n" % (address.encode(), known))
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, length = _STATUS.match(head), _LENGTH.search(head)
        if status and status[1] == b"200" and length:
            await self.reader.readexactly(int(length[1]))
        self.answered.milliseconds[address].append(1000 * (time.perf_counter() - started))
        if not status or status[1] not in (b"200", b"304"):
            self.answered.failed += 1
        if found := _TAG.search(head):
            self.tags[address] = found[1]


async def _watch(port: int, addresses: tuple[str, str, str], viewers: int, seconds: float) -> Answered:
    answered, draw, rounds = Answered(), random.Random(viewers), int(seconds / REFRESH_S)
    watching = (Viewer(port, answered).watch(addresses, rounds, REFRESH_S * draw.random()) for _ in range(viewers))
    await asyncio.gather(*watching)
    return answered


def measure(viewers: int, seconds: float) -> Iterator[Row]:
    """Let the viewers watch behind each cache, one after the other."""
    with empty_tables() as (endpoint, _):
        name = loaded(endpoint, "ratings", ENTRIES).name.replace(" ", "%20")
        board = f"/leaderBoard/?hackathonName={name}&limit=10"
        addresses = ("/leaderBoard/", board, f"/leaderBoard/{name}/histogram")
        for cache in caches.COMMANDS:
            with serving(functions.environment(endpoint)) as origin, caches.running(cache, origin.port) as port:
                answered = asyncio.run(_watch(port, addresses, viewers, seconds))
            if answered.failed:
                raise RuntimeError(f"Behind {cache}, {answered.failed} of the viewers' requests failed.")
            for what, address in zip(("the boards", "the board", "its histogram"), addresses, strict=True):
                yield _row(cache, what, viewers, answered.milliseconds[address], origin, address)


def _row(cache: str, what: str, viewers: int, milliseconds: list[float], origin: Origin, address: str) -> Row:
    percentiles = quantiles(milliseconds, n=100)
    return {
        "cache": cache,
        "answer": what,
        "viewers": viewers,
        "requests": len(milliseconds),
        "at_the_api": len(origin.requested[address]),
        "most_in_a_second": origin.most_in_a_second(address),
        "median_ms": round(percentiles[49], 1),
        "p99_ms": round(percentiles[98], 1),
    }


def main() -> None:
    parser = create_parser(__doc__.partition(":")[0] if __doc__ else "")
    parser.add_argument("--viewers", type=int, default=2000, help="simulated viewers (default: 2000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each of them watches (default: 30)")
    asked = parser.parse_args()
    if missing := dynamodb_local.what_is_missing() or caches.what_is_missing():
        sys.exit(f"Nothing is measured: {missing}.")
    save("edge", measure(asked.viewers, asked.seconds), asked.into)


if __name__ == "__main__":
    main()
