"""ConsumerLambda and its announcements on fakes of AWS, and a consumer that replays the events."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.columns import shared_prefix
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.settings import AttributeNames, ConsumerSettings
from scorecast.standings.announce.announcements import Announcements
from scorecast.standings.announce.publish import StandingEventPublisher
from scorecast.standings.announce.snapshots import SnapshotTable
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.outcome import Outcome
from scorecast.standings.store import Leaderboard
from tests.support.fakes import STREAM_ARN, FakeDynamoDb, FakeEvents, FakeObjects, FakeSqs, item, record

SETTINGS = ConsumerSettings("leaderboard", "boards", "queue", "consumer", AttributeNames())
Call = tuple[str, dict[str, Any]]


class Inline(Executor):
    """Runs each call immediately, so that a schedule of faults is deterministic."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def announcements_of(dynamodb: Any, events: Any, size: int, **more: Any) -> Announcements:
    """Announcements that never wait."""

    def wait(_: float) -> None:
        pass

    publisher = StandingEventPublisher(events, "fanoutBus", wait)
    snapshots, policies = SnapshotTable(dynamodb, "boards"), PolicyTable(dynamodb, "boards")
    indexes = ("index", "ties")
    return Announcements(
        dynamodb, "leaderboard", *indexes, snapshots, policies, publisher, size, Inline(), wait, **more
    )


@dataclass
class Watched:
    """A client that records its calls, with hooks before and after each."""

    client: Any
    calls: list[Call]
    before: Callable[[Call], None] = lambda _: None
    after: Callable[[Call], None] = lambda _: None

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self.calls.append((operation, request))
            self.before(self.calls[-1])
            answer = getattr(self.client, operation)(**request)
            self.after(self.calls[-1])
            return answer

        return call


@dataclass
class System:
    """One bus and its tables, and any number of consumers; `size` is the size of a top."""

    size: int = 3
    table: FakeDynamoDb = field(default_factory=FakeDynamoDb)
    events: FakeEvents = field(default_factory=FakeEvents)
    queue: FakeSqs = field(default_factory=FakeSqs)
    drained: int = 0

    def processor(self, dynamodb: Any = None, events: Any = None, **more: Any) -> BatchProcessor:
        table = dynamodb or self.table
        leaderboard = Leaderboard(table, "leaderboard", "boards", lambda _: None)
        dead_letters = DeadLetterQueue(self.queue, "queue")
        announcements = announcements_of(table, events or self.events, self.size, **more)
        policies, claims = announcements.policies, ClaimStore(FakeObjects)
        return BatchProcessor(SETTINGS, leaderboard, dead_letters, claims, policies, announcements)

    def watched(self, calls: list[Call], **hooks: Callable[[Call], None]) -> BatchProcessor:
        """A processor whose calls are recorded."""
        return self.processor(Watched(self.table, calls, **hooks), Watched(self.events, calls, **hooks))

    def process(self, *events: str, processor: BatchProcessor | None = None) -> Outcome:
        deliveries = [Delivery(str(at), event) for at, event in enumerate(events)]
        return (processor or self.processor()).process(deliveries)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """All events as (kind, board, participant), in the order of the bus."""
        details = zip(self.events.taken, self.events.details, strict=True)
        return [(entry["DetailType"], one["hackathonName"], one["participant"]["id"]) for entry, one in details]

    def drain(self) -> list[tuple[str, str]]:
        """The events since the last time, as (kind, participant)."""
        new = self.told[self.drained :]
        self.drained += len(new)
        return [(kind, participant) for kind, _, participant in new]

    def check(self) -> None:
        """Assert that a consumer which replays the events knows the top and the leader of every board."""
        check_told(self.events.taken, self.table, self.size)


@dataclass
class Replayed:
    """The state of a board that a consumer derives from its events."""

    members: set[str] = field(default_factory=set)
    leader: str | None = None


def replay(entries: Iterable[dict[str, Any]]) -> dict[str, Replayed]:
    """Replay events in the order of their sequence, each id once; each must fit the state so far."""
    once = {json.loads(entry["Detail"])["id"]: entry for entry in entries}
    details = [(json.loads(entry["Detail"]), entry["DetailType"]) for entry in once.values()]
    boards: dict[str, Replayed] = {}
    for _, at_once in groupby(sorted(details, key=_turn), key=lambda one: one[0]["sequence"]):
        for detail, kind in at_once:
            _take(boards.setdefault(detail["hackathonName"], Replayed()), detail, kind)
        for board in boards.values():
            board.leader = board.leader if board.members else None
    return boards


def check_told(told: Iterable[dict[str, Any]], table: FakeDynamoDb, size: int) -> None:
    """Assert that a consumer which replays the events knows the top and the leader of every board.

    The table says in which order each board ranks: a caller that had to say it could forget an ascending board.
    """
    tops = replay(told)
    for board in {board for _, board in table.items}:
        policy, entries = table.policy_of(board), [one for one in table.entries.values() if one.board == board]
        ranks = {one.id: shared_prefix(one.tie_order, one.number, policy) for one in entries}
        best = sorted(ranks.values())[:size]
        top = tops.get(board, Replayed())
        assert sorted(ranks[name] for name in top.members) == best, (board, top, ranks)
        assert not best or ranks[str(top.leader)] == best[0]


def _turn(told: tuple[dict[str, Any], str]) -> tuple[int, int]:
    detail, kind = told
    return detail["sequence"], ["LeftTop", "EnteredTop", "LeadChanged"].index(kind)


def _take(board: Replayed, detail: dict[str, Any], kind: str) -> None:
    participant = detail["participant"]["id"]
    match kind:
        case "LeftTop":
            assert participant in board.members
            board.members.remove(participant)
        case "EnteredTop":
            assert participant not in board.members
            board.members.add(participant)
        case "LeadChanged":
            assert participant in board.members
            assert participant != board.leader
            assert detail.get("previousLeader", {}).get("id") == board.leader
            board.leader = participant


def event(participant: str, score: str | None, sequence: int, board: str = "StarWar", **more: Any) -> str:
    """The body of a message that sets a participant's score; None removes the item. Some have a penalty."""
    image = item(participant, board, score or "0", **more)
    image |= {"penalty": {"N": str(sequence % 3)}} if sequence % 3 else {}
    new, old = (None, image) if score is None else (image, None)
    change = from_record(record(new, old, sequence))
    return json.dumps({"source": "update.aws.dynamodb", "resources": [STREAM_ARN], "detail": to_detail(change)})
