"""A backfill publishes every item once and unchanged, can continue, and never overwrites anything newer."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scorecast.changes.change import Change, stream_label
from scorecast.changes.claim_store import ClaimStore, resolve
from scorecast.errors import UserError
from scorecast.ops.recovery.backfill import Backfill, BusPublisher, open_checkpoint
from scorecast.ops.recovery.read_change import NEVER, ItemReader, item_reader_of
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.typed_json import for_sdk, in_json
from tests.support.fakes import BUS, STREAM_ARN, FakeEvents, FakeObjects
from tests.support.ops_fakes import entry, fake_stack
from tests.support.recovery_fakes import RecoveryTables

SEQUENCE = "7".zfill(40)
LABEL = stream_label(STREAM_ARN)


@pytest.fixture
def tables() -> RecoveryTables:
    return RecoveryTables()


def reader(tables: RecoveryTables) -> ItemReader:
    return replace(item_reader_of(fake_stack(dynamodb=tables)), now=lambda: "2026-01-01T00:00:01.000Z")


def stored_entry(participant: str, board: str = "b", score: str | None = "1") -> dict[str, Any]:
    made = entry(participant, board, score or "0") | {
        "sequence": {"S": SEQUENCE},
        "at": {"S": "2026"},
        "stream": {"S": LABEL},
    }
    return made if score else {name: value for name, value in made.items() if name != "projectScore"}


def read(tables: RecoveryTables) -> dict[str, Change]:
    """The READ changes of all items, by participant."""
    found = [dict(item) for item in tables.tables["main"].values()]
    return {change.keys["id"]["S"]: change for change in reader(tables).read(found)}


# ---------------------------------------------------------------- reading


def test_a_read_contains_the_item_and_derives_its_id_from_it(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "60", "userA"))
    change, again = read(tables)["1"], read(tables)["1"]
    assert change == again
    assert (change.operation, change.new, change.old) == ("READ", entry("1", "b", "60", "userA"), None)
    assert (change.stream_arn, change.at) == (STREAM_ARN, "2026-01-01T00:00:01.000Z")
    assert change.id.startswith("read-")


def test_a_read_carries_the_sequence_of_the_entry_or_tombstone_or_none(tables: RecoveryTables) -> None:
    tables.put("main", *(entry(name, "b", "60") for name in ("entry", "tombstone", "nothing")))
    tables.put("leaderboard", stored_entry("entry"), stored_entry("tombstone", score=None))
    sequences = {name: change.sequence for name, change in read(tables).items()}
    assert sequences == {"entry": SEQUENCE, "tombstone": SEQUENCE, "nothing": NEVER}


def test_a_read_carries_the_stream_of_the_entry(tables: RecoveryTables) -> None:
    older = "2025-01-01T00:00:00.000"
    tables.put("main", entry("1", "b", "60"))
    tables.put("leaderboard", stored_entry("1") | {"stream": {"S": older}})
    assert read(tables)["1"].position == (older, SEQUENCE)


@pytest.mark.parametrize(("at", "sequence"), [("2026-01-01T00:00:01Z", SEQUENCE), ("2025-12-31T00:00:00Z", NEVER)])
def test_a_read_of_an_entry_without_a_stream_takes_its_sequence_for_one_of_the_stream_of_its_time(
    tables: RecoveryTables, at: str, sequence: str
) -> None:
    tables.put("main", entry("1", "b", "60"))
    stored = stored_entry("1") | {"at": {"S": at}}
    del stored["stream"]
    tables.put("leaderboard", stored)
    assert read(tables)["1"].position == (LABEL, sequence)


def test_an_item_that_makes_no_entry_is_published_without_a_sequence(tables: RecoveryTables) -> None:
    key = {"id": {"S": "1"}, "metadata": {"S": "profile"}}
    tables.put("main", key, key | {"id": {"S": "2"}, "projectScore": {"S": "many"}})
    assert {change.sequence for change in read(tables).values()} == {NEVER}


def test_an_item_that_changes_after_the_entries_were_read_is_read_again(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "60"), entry("2", "b", "60"), entry("3", "b", "60"))
    tables.put("leaderboard", stored_entry("3"))

    def write(operation: str) -> None:
        if operation == "get leaderboard":
            tables.put("main", entry("1", "b", "99"), entry("3", "b", "60") | {"hackathonName": {"S": "other"}})
            tables.drop("main", entry("2", "b", "60"))

    tables.after_read = write
    changes = read(tables)
    assert changes["1"].new == entry("1", "b", "99")
    assert "2" not in changes
    assert changes["3"].sequence == NEVER  # the entry that it makes now was not read


def test_binary_travels_as_base64_and_comes_back_as_bytes(tables: RecoveryTables) -> None:
    raw = {"blob": {"B": b"\x00\xff"}, "blobs": {"BS": [b"a"]}, "deep": {"L": [{"M": {"x": {"B": b"b"}}}]}}
    tables.put("main", entry("1", "b", "60") | raw)
    image = read(tables)["1"].new
    assert image is not None
    json.dumps(image)
    assert for_sdk(image) == entry("1", "b", "60") | raw


def test_a_table_without_a_stream_is_refused(tables: RecoveryTables) -> None:
    tables.describe_table = lambda **_: {"Table": {"KeySchema": []}}  # type: ignore[method-assign]
    with pytest.raises(UserError, match="has no stream"):
        reader(tables)


# ---------------------------------------------------------------- the run


class Published:
    """Records published changes; fails, or is interrupted, at a page."""

    def __init__(self, error: BaseException | None = None, after_pages: int = 0) -> None:
        self.ids: list[str] = []
        self.error, self.pages_left = error, after_pages

    def __call__(self, changes: Sequence[Change]) -> None:
        if self.error and self.pages_left == 0:
            raise self.error
        self.pages_left -= 1
        self.ids += [change.keys["id"]["S"] for change in changes]


def backfill(tables: RecoveryTables, published: Published, path: Path, segments: int = 3) -> Backfill:
    return Backfill(reader(tables), published, open_checkpoint(path, "main", segments), RateLimit(None), page_items=10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


@pytest.fixture
def many(tables: RecoveryTables) -> list[str]:
    names = [f"{at:03}" for at in range(105)]
    tables.put("main", *(entry(name, "b", "1") for name in names))
    return names


def test_every_item_is_published_once(tables: RecoveryTables, many: list[str], path: Path) -> None:
    published, counts = Published(), list[int]()
    run = backfill(tables, published, path)
    run.on_published = counts.append
    assert run.run()
    assert sorted(published.ids) == many
    assert sum(counts) == run.published == 105
    assert not path.exists()


@pytest.mark.parametrize("segments", [1, 3])
def test_a_failed_run_continues_from_its_checkpoint(
    tables: RecoveryTables, many: list[str], path: Path, segments: int
) -> None:
    first, second = Published(UserError("refused"), after_pages=4), Published()
    with pytest.raises(UserError, match="refused"):
        backfill(tables, first, path, segments).run()
    assert len(first.ids) == 40 or segments == 3
    assert backfill(tables, second, path, segments=7).run(), "the number of segments is that of the earlier run"
    assert sorted(first.ids + second.ids) == many


def test_a_page_that_was_published_but_not_checkpointed_is_published_again(
    tables: RecoveryTables, many: list[str], path: Path
) -> None:
    published = Published()
    run = backfill(tables, published, path, segments=1)
    run.on_published = lambda _: _kill()
    with pytest.raises(SystemExit):
        run.run()
    assert backfill(tables, published, path, segments=1).run()
    assert sorted(set(published.ids)) == many
    assert len(published.ids) == 115


def _kill() -> None:
    raise SystemExit


def test_ctrl_c_stops_it_and_keeps_the_checkpoint(tables: RecoveryTables, many: list[str], path: Path) -> None:
    published = Published(KeyboardInterrupt(), after_pages=2)
    assert not backfill(tables, published, path, segments=1).run()
    assert path.exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"table": "main", "segments": 5}'])
def test_a_file_that_is_not_a_checkpoint_is_refused(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is not a checkpoint"):
        open_checkpoint(path, "main", 3)


def test_the_checkpoint_of_another_table_is_refused(path: Path) -> None:
    path.write_text('{"table": "other", "segments": []}', encoding="utf-8")
    with pytest.raises(UserError, match="is of the table other"):
        open_checkpoint(path, "main", 3)


def test_a_change_that_the_bus_refuses_is_an_error(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "60"))
    bus = FakeEvents()
    with ThreadPoolExecutor(1) as executor:
        publish = BusPublisher(bus, ClaimStore(FakeObjects), executor, BUS, max_attempts=1)
        publish(list(read(tables).values()))
        [taken] = bus.taken
        assert (taken["Source"], taken["DetailType"]) == ("update.aws.dynamodb", "READ")
        bus.refuse_entry = lambda _: "MalformedDetail"
        with pytest.raises(UserError, match="refused 1 of 1 changes after 1 attempts"):
            publish(list(read(tables).values()))


def test_a_bus_that_stays_busy_is_an_error(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "60"))
    bus = FakeEvents(refuse_entry=lambda _: "ThrottlingException")
    with ThreadPoolExecutor(1) as executor:
        publish = BusPublisher(bus, ClaimStore(FakeObjects), executor, BUS, countdown=lambda _: lambda: 0.0)
        with pytest.raises(UserError, match="The bus was busy"):
            publish(list(read(tables).values()))


def test_an_item_too_large_for_the_bus_is_published_with_a_claim(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "60") | {"text": {"S": "x" * 300_000}})
    bus, s3 = FakeEvents(), FakeObjects()
    with ThreadPoolExecutor(1) as executor:
        BusPublisher(bus, ClaimStore(lambda: s3), executor, BUS)(list(read(tables).values()))
    [detail] = bus.details
    assert resolve({"detail": detail}, s3)["detail"]["new"]["text"] == "x" * 300_000


def test_images_of_the_sdk_become_json() -> None:
    assert in_json({"x": (b"a", {1})}) == {"x": ["YQ==", [1]]}
