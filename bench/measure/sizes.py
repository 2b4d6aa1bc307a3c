"""Measures whether the API's answers on the local twin take longer on a large board than on a small one.

Both boards are on one engine that runs only for this, and are asked in turns. CPU time is that of the engine and its
functions, which other work on the machine does not lengthen. Run
`python -m bench.measure.sizes --help`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlsplit

from bench.measure.pipeline import Deployed, deploy, engine, items_of
from bench.report.results import Row, create_parser, progress, save, spread
from bench.rig import functions
from bench.rig.process_time import group_seconds
from scorecast.ops.stack.local_engine import local_url
from scorecast.twin.instance import read_note

PORT = 4641
SIZES = [500, 50_000]
ROUNDS = 6
REQUESTS = 30
DEADLINE_S = 1800


def fill(stack: Deployed, sizes: Sequence[int]) -> None:
    """Make a board of each size."""
    for turn, entries in enumerate(sizes):
        seconds = stack.carry(items_of(turn, entries, _board(entries)), DEADLINE_S)
        progress(f"{entries:,} entries in {seconds:.0f} s")


def _board(entries: int) -> str:
    return f"board-of-{entries}"


def paths(turn: int, entries: int, asked: int) -> dict[str, str]:
    """Return the path of each kind of answer, about another participant and another position each time."""
    board, one = _board(entries), (asked * 7919) % entries
    return {
        "top 10": f"?hackathonName={board}",
        "a participant": f"{board}/participants/player{turn:03}{one:06}",
        "10 entries from a rank": f"?hackathonName={board}&atRank={1 + one}",
    }


def measure(sizes: Sequence[int], rounds: int) -> Iterator[Row]:
    """Ask for each kind of answer on each board in turns, after a round that starts the function and sorts indexes."""
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with engine(PORT) as twin:
        stack = deploy(twin, functions.OURS)
        fill(stack, sizes)
        root = urlsplit(local_url(stack.outputs["LeaderGetApi"], twin.endpoint))
        connection, group = HTTPConnection(root.netloc), int(read_note(twin.state_dir)["pid"])
        for number in range(rounds + 1):
            for turn, entries in enumerate(sizes):
                asked = [paths(turn, entries, number * REQUESTS + one) for one in range(REQUESTS)]
                for answer in asked[0]:
                    each = _ask(connection, [root.path + some[answer] for some in asked], group)
                    if number:
                        taken.setdefault((answer, entries), []).append(each)
        connection.close()
    for (answer, entries), all_rounds in sorted(taken.items()):
        milliseconds, cpu = zip(*all_rounds, strict=True)
        times = median(cpu) / median(one for _, one in taken[answer, sizes[0]])
        about = {"answer": answer, "entries": entries, "ms": spread(milliseconds, 1), "cpu_ms": spread(cpu, 1)}
        yield about | {"times_the_cpu": round(times, 2)}


def _ask(connection: HTTPConnection, paths_: Sequence[str], group: int) -> tuple[float, float]:
    """Ask for some addresses; return the milliseconds that each took, and the milliseconds of CPU time."""
    cpu_s, started = group_seconds(group), time.perf_counter()
    for path in paths_:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"GET {path} was answered with {answer.status}: {text[:200]!r}")
    taken_s = time.perf_counter() - started
    return 1000 * taken_s / len(paths_), 1000 * (group_seconds(group) - cpu_s) / len(paths_)


def main() -> None:
    parser = create_parser("Measure whether answers on the twin take longer on a large board.")
    parser.add_argument("--entries", type=int, nargs="+", default=SIZES, help="sizes of boards, the smallest first")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of {REQUESTS} requests of each kind")
    arguments = parser.parse_args()
    functions.build()
    rows = measure(arguments.entries, arguments.rounds)
    save("sizes", rows, arguments.into, engine="MiniStack, the local twin")


if __name__ == "__main__":
    main()
