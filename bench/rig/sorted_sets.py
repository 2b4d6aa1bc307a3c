"""The API's answers from sorted sets in a Redis on this machine: how long each takes, and the memory an entry needs."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import redis

from bench.report.results import Row, spread
from bench.rig.dynamodb_local import free_port
from bench.rig.scores import draw_entries

PIPELINE = 10_000
READY_WITHIN_S = 10


def what_is_missing() -> str | None:
    """Say what it needs to run here and how to get that; None if nothing is missing."""
    if shutil.which("redis-server") is None:
        return "there is no redis-server: install it (on Debian and Ubuntu: apt-get install redis-server)"
    return None


def version() -> str:
    """Return the name and version that the server prints."""
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return " ".join(said.split()[:3])


@contextmanager
def running() -> Iterator[Any]:
    """Run a server in memory on a free port of this machine; yields a client."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        client = redis.Redis(port=port)
        try:
            _wait(client)
            yield client
        finally:
            client.close()
            server.terminate()


def _wait(client: Any) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def measure(shape: str, sizes: Iterable[int], requests: int) -> Iterator[Row]:
    """Ask for each kind of answer on sorted sets of several sizes."""
    with running() as client:
        for entries in sizes:
            key, before = f"{shape} {entries}", client.info("memory")["used_memory"]
            _load(client, key, shape, entries)
            entry_bytes = round((client.info("memory")["used_memory"] - before) / entries)
            participants = [f"player{one:07}" for one in random.Random(entries).choices(range(entries), k=requests)]
            for answer, ask in _answers(client, key).items():
                yield {
                    "entries": entries,
                    "answer": answer,
                    "microseconds": _timed(ask, participants),
                    "bytes_an_entry": entry_bytes,
                }


def _load(client: Any, key: str, shape: str, entries: int) -> None:
    drawn = draw_entries(shape, entries)
    while batch := dict(islice(drawn, PIPELINE)):
        client.zadd(key, {participant: float(score) for participant, score in batch.items()})


def _answers(client: Any, key: str) -> dict[str, Callable[[str], Any]]:
    """Return the questions. Tied participants share a rank, so a rank counts the scores above."""

    def rank(participant: str) -> int:
        return int(client.zcount(key, f"({client.zscore(key, participant)!r}", "+inf")) + 1

    def around(participant: str) -> Any:
        position = int(client.zrevrank(key, participant))
        return rank(participant), client.zrevrange(key, max(0, position - 2), position + 2, withscores=True)

    return {
        "top 10": lambda _: client.zrevrange(key, 0, 9, withscores=True),
        "a page of 100": lambda _: client.zrevrange(key, 100, 199, withscores=True),
        "a rank": rank,
        "around me": around,
    }


def _timed(ask: Callable[[str], Any], participants: list[str]) -> list[float]:
    taken = []
    for participant in participants:
        started = time.perf_counter()
        ask(participant)
        taken.append(time.perf_counter() - started)
    return spread(1e6 * seconds for seconds in taken)
