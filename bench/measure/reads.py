"""Measures each answer of the API beside COUNT and Redis: read units, round trips and CPU time.

Units and round trips are metered on DynamoDB Local. CPU time is that of the functions' processes, which run from their
bundles. If DynamoDB Local or redis-server is missing, that part is skipped. Run `python -m bench.measure.reads --help`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import quote

from bench.measure.lookups import COUNTS, HEAP, Board, loaded
from bench.report.results import Row, create_parser, progress, save, spread
from bench.rig import dynamodb_local, functions, sorted_sets
from bench.rig.meter import one_by_one
from bench.rig.tables import LEADERBOARD, empty_tables
from scorecast.api.endpoints.documents import Document
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.routes import read_query

SIZES = [10_000, 100_000]
SHAPE = "uniform"
REQUESTS = 100
NEIGHBOURS = 2

Request = dict[str, Any]


def requests_of(board: Board, participants: list[str]) -> dict[str, list[Request]]:
    """Return the requests for each kind of answer, as API Gateway passes them on."""
    path = f"/leaderBoard/{quote(board.name)}/participants"
    token = str(ListEntries(board.name, 100).answer(board.reader)["next"])
    return {
        "top 10": [_get("/leaderBoard/", hackathonName=board.name, limit="10") for _ in participants],
        "a page of 100": [
            _get("/leaderBoard/", hackathonName=board.name, limit="100", next=token) for _ in participants
        ],
        "a rank": [_get(f"{path}/{one}", neighbours="0") for one in participants],
        "around me": [_get(f"{path}/{one}", neighbours=str(NEIGHBOURS)) for one in participants],
    }


def _get(path: str, **parameters: str) -> Request:
    return {
        "httpMethod": "GET",
        "path": path,
        "headers": {"Accept": "application/json"},
        "queryStringParameters": parameters,
        "multiValueQueryStringParameters": {name: [value] for name, value in parameters.items()},
    }


def measure(sizes: Iterable[int]) -> Iterator[Row]:
    """Ask for each kind of answer on boards of several sizes."""
    with empty_tables(HEAP) as (endpoint, _), ExitStack() as stack:
        ours, textbook = (stack.enter_context(functions.running(one, endpoint)) for one in functions.READ)
        for entries in sizes:
            board = loaded(endpoint, SHAPE, entries)
            participants = random.Random(entries).choices(list(board.scores), k=REQUESTS)
            for answer, requests in requests_of(board, participants).items():
                cost = _metered(board, [partial(_ask, board, one) for one in requests])
                yield {"entries": entries, "answer": answer, "way": "scorecast"} | cost | _cpu(ours, requests)
            if few := _evenly_ranked(board, COUNTS.get(entries, 0)):
                cost = _metered(board, [partial(_count, board, one) for one in few])
                counts = [{"pathParameters": {"board": board.name, "id": one}} for one in few]
                yield {"entries": entries, "answer": "a rank", "way": "COUNT"} | cost | _cpu(textbook, counts)


def _evenly_ranked(board: Board, many: int) -> list[str]:
    """Return participants at even distances from the first to the last, because a COUNT's cost depends on the rank."""
    ordered = sorted(board.scores, key=board.scores.__getitem__)
    return [ordered[len(ordered) * (2 * at + 1) // (2 * many)] for at in range(many)]


def _ask(board: Board, request: Request) -> None:
    query = read_query(request)
    assert not isinstance(query, Document)
    query.answer(board.reader)


def _count(board: Board, participant: str) -> None:
    """Ask as the textbook's RankFunction does: read the entry, then count all that score higher."""
    key = {"id": {"S": participant}, "metadata": {"S": board.name}}
    board.reader.dynamodb.get_item(TableName=LEADERBOARD, Key=key)
    board.count(board.scores[participant])


def _metered(board: Board, questions: Iterable[Callable[[], None]]) -> Row:
    units, trips = [], []
    for ask in questions:
        board.meter.reset()
        with one_by_one(board.meter):
            ask()
        units.append(board.meter.units)
        trips.append(board.meter.trips)
    return {"read_units": median(units), "most_units": max(units), "round_trips": max(trips)}


def _cpu(process: functions.Process, requests: list[Request]) -> Row:
    measured = [process.invoke(request) for request in [requests[0], *requests]][1:]  # the first one opens connections
    assert all(one["answer"]["statusCode"] == 200 for one in measured), measured[0]["answer"]
    return {"cpu_us": spread(1e6 * one["cpu_s"] for one in measured)}


def main() -> None:
    parser = create_parser("Measure the reads.")
    parser.add_argument("--entries", type=int, nargs="+", default=SIZES, metavar="N", help="sizes of the boards")
    arguments = parser.parse_args()
    if missing := dynamodb_local.what_is_missing():
        progress(f"The leaderboard's reads are not measured: {missing}.")
    else:
        functions.build()
        save("reads", measure(arguments.entries), arguments.into, meter=dynamodb_local.METER)
    if missing := sorted_sets.what_is_missing():
        progress(f"Redis is not measured: {missing}.")
    else:
        rows = sorted_sets.measure(SHAPE, arguments.entries, REQUESTS)
        save("redis", rows, arguments.into, redis=sorted_sets.version())


if __name__ == "__main__":
    main()
