"""Whatever the stores hold and wherever a run is killed, the next one erases the participant, and others lose nothing.

Hypothesis chooses ids that contain each other, values that look like ids, policies, and the call that is the last one.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.leaderboard.policy import BoardPolicy, Every, Keep, Ties
from scorecast.ops.recovery.backup import read_events
from tests.support.erasure_system import CLOSED, ErasureSystem, Tables, batch_of
from tests.support.fakes import item, record
from tests.support.recovery_fakes import STORED_BATCH, change, envelope, event, invocation_letter, stored_batch_letter

IDS, BOARDS = ("1", "10", "0", "1 ", "StarWar"), ("StarWar", "Golf", "1")
policies = st.sampled_from(
    [
        BoardPolicy(),
        BoardPolicy(every=Every.DAY, by=("tag",)),
        BoardPolicy(then_by="penalty:ascending"),
        BoardPolicy(freezes_at="2030-01-01T00:00:00Z"),
        CLOSED,
        BoardPolicy(keep=Keep.BEST, closes_at=CLOSED.closes_at),
        BoardPolicy(ties=Ties.EARLIEST),
    ]
)
READS = ("get_", "batch_get", "query", "scan", "list_", "receive_", "describe_", "change_message_visibility")
ids, boards = st.sampled_from(IDS), st.sampled_from(BOARDS)
scores = st.one_of(st.none(), st.sampled_from(["1", "10", "-3"]))
writes = st.tuples(ids, boards, scores, ids)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Mortal:
    """A client; of the calls of several clients together that write, the `last` one ends the process.

    It ends before that call is made or, if `is_made`, after.
    """

    client: Any
    writes: list[str]
    last: int
    is_made: bool

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            if operation.startswith(READS):
                return getattr(self.client, operation)(**request)
            self.writes.append(operation)
            is_last = len(self.writes) == self.last
            if is_last and not self.is_made:
                raise Killed
            answer = getattr(self.client, operation)(**request)
            if is_last:
                raise Killed
            return answer

        return call


def writes_of(system: ErasureSystem, who: str, last: int = 0, is_made: bool = False) -> int:
    """Erase a participant; return how many calls wrote. The process ends at the `last` of them, unless that is 0."""
    writes: list[str] = []
    erasure = system.erasure(
        who, *(Mortal(client, writes, last, is_made) for client in (Tables(system), system.bucket, system.queue))
    )
    try:
        erasure.erase(erasure.find())
    except Killed:
        for one in system.queue.messages:
            one.is_hidden = False  # as they are after a while
    return len(writes)


def filled(draw: Any) -> ErasureSystem:
    """A system with items on boards, some of which have closed since, and with letters, images and a batch."""
    system = ErasureSystem()
    for board in BOARDS:
        system.consumers.table.declare(board, replace(draw(policies), closes_at=None))
    for participant, board, score, value in draw(st.lists(writes, min_size=1, max_size=12)):
        system.put(
            participant, board, score, friend={"S": value}, userName={"S": value}, tag={"S": value}, penalty={"N": "7"}
        )
    for board in sorted({board for _, board in system.consumers.table.items}):
        system.consumers.table.declare(board, draw(policies))
    for number, participant in enumerate(draw(st.lists(ids, max_size=4))):
        system.queue.park(envelope("fanout", change(number, participant=participant)))
        system.bucket.put(f"images/main/{number}", json.dumps({"keys": {"id": participant}}).encode())
        system.keep(event(change(number, participant=participant)), key=f"failed/{number % 2}")
    in_batch = draw(st.lists(ids, max_size=3))
    if in_batch:
        system.bucket.put(STORED_BATCH, batch_of(*(record(item(one)) for one in in_batch)))
        system.queue.park(stored_batch_letter())
    system.queue.park(invocation_letter(json.loads(event(change(7, participant="10")))))
    system.bucket.now += timedelta(hours=1)
    return system


def of_others(system: ErasureSystem, who: str) -> dict[str, Any]:
    """What the stores hold of everybody else: items, entries, letters, and the bytes of the backup's lines."""
    table = system.consumers.table
    lines = [
        line
        for key, body in sorted(system.bucket.current().items())
        if key.startswith(("changes/", "failed/"))
        for line in _lines(body)
        if json.loads(line)["detail"]["keys"]["id"] != who
    ]
    batches = {
        key.removeprefix("rewritten/"): [one for one in _records(body) if one["dynamodb"]["Keys"]["id"]["S"] != who]
        for key, body in system.bucket.current().items()
        if key.endswith(STORED_BATCH)
    }
    return {
        "items": [one for one in system.main if one["id"]["S"] != who],
        "entries": {key: one for key, one in table.items.items() if key[0] != who},
        "letters": [one.id for one in system.queue.messages if not _is_about(one.body, who)],
        "lines": lines,
        "images": [body for body in system.bucket.bodies() if body.startswith(b'{"keys"') and _owner(body) != who],
        "records": {key: records for key, records in batches.items() if records},
    }


def owners(system: ErasureSystem) -> set[str]:
    """The participants in any version of any object."""
    found: set[str] = set()
    for key, versions in system.bucket.objects.items():
        for body in (one.body for one in versions if one.body is not None):
            if key.startswith("images/"):
                found.add(_owner(body))
            elif key.endswith(STORED_BATCH):
                found |= {one["dynamodb"]["Keys"]["id"]["S"] for one in _records(body)}
            else:
                found |= {one["detail"]["keys"]["id"] for one in read_events(body, key)}
    return found


def _lines(body: bytes) -> list[str]:
    return [json.dumps(one) for one in read_events(body, "a")]


def _records(body: bytes) -> list[Any]:
    records: list[Any] = json.loads(json.loads(body)["payload"])["Records"]
    return records


def _owner(body: bytes) -> str:
    return str(json.loads(body)["keys"]["id"])


def _is_about(body: str, who: str) -> bool:
    """Whether a letter is about a participant, or about a batch, which goes with its last record."""
    letter = json.loads(body)
    detail = letter.get("change") or letter.get("requestPayload", {}).get("detail") or {}
    return bool(letter.get("source") == "aws.s3" or detail.get("keys", {}).get("id") == who)


@given(st.data(), ids, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_participant_is_erased_and_others_lose_nothing_wherever_a_run_ends(
    data: st.DataObject, who: str, is_made: bool
) -> None:
    system = filled(data.draw)
    before = of_others(system, who)
    writes_of(system, who, data.draw(st.integers(0, writes_of(deepcopy(system), who))), is_made)
    system.forget(who)
    assert not system.holds(who)
    assert of_others(system, who) == before
    assert not [one for one in system.main if one["id"]["S"] == who]
    table = system.consumers.table
    plain = {"id", "metadata", "stream", "sequence", "at", "expiresAt", "history"}
    assert not [one for key, one in table.items.items() if key[0] == who and one.keys() - plain]
    table.check()
    assert json.dumps({"id": {"S": who}})[1:-1] not in json.dumps(list(table.board_items.values()))
    assert who not in owners(system)
