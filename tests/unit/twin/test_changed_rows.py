"""The changes of every cut, one after the other, make what there is; what did not change is not written."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from scorecast.twin.changed_rows import (
    AppendedRows,
    ComparedRows,
    DocumentRows,
    Json,
    MarkedRows,
    ReplacedRows,
    Rows,
    items_of,
    load,
)
from scorecast.twin.journal import Change, Cut, Journal, Put, Remove


@pytest.fixture
def journal(tmp_path: Any) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal")
    yield opened
    opened.close()


def cut(journal: Journal, rows: Rows) -> list[Change]:
    """Write what changed, and return it."""
    changes = list(rows.changes())
    journal.write(Cut(1, 1.0), changes)
    return changes


def values(journal: Journal, owner: str) -> list[Any]:
    return [load(value) for _, value in journal.rows(owner)]


# ---------------------------------------------------------------- items of tables


def table(**partitions: dict[str, Json]) -> Json:
    return {"items": partitions}


def put(rows: MarkedRows, table: Json, pk: str, sk: str, item: Json | None) -> None:
    if item is None:
        table["items"].get(pk, {}).pop(sk, None)
    else:
        table["items"].setdefault(pk, {})[sk] = item
    rows.mark(table, pk, sk)


def test_random_writes_between_random_cuts_are_all_in_the_journal(journal: Journal) -> None:
    draw, tables = random.Random(12), {name: table() for name in "ab"}
    rows = MarkedRows(lambda: list(tables.items()))
    for _ in range(300):
        name = draw.choice("ab")
        match draw.randrange(20):
            case 0:
                tables[name] = table(p={"s": {"made": "again"}})
            case 1:
                tables[name]["items"] = {"q": {"s": {"restored": "whole"}}}
            case 2 | 3 | 4:
                cut(journal, rows)
            case number:
                item = {"n": str(number)} if number % 3 else None
                put(rows, tables[name], draw.choice("pq"), draw.choice("rs"), item)
    cut(journal, rows)
    for name, expected in tables.items():
        filled = {pk: items for pk, items in expected["items"].items() if items}
        assert items_of(journal.rows(name)) == filled


def test_only_what_was_written_is_written(journal: Journal) -> None:
    one = table(p={str(number): {"n": "1"} for number in range(50)})
    rows = MarkedRows(lambda: [("a", one)])
    assert len(cut(journal, rows)) == 51
    assert cut(journal, rows) == []
    put(rows, one, "p", "7", {"n": "2"})
    put(rows, one, "p", "8", None)
    assert {type(change) for change in cut(journal, rows)} == {Put, Remove}
    assert len(items_of(journal.rows("a"))["p"]) == 49


def test_what_was_loaded_is_not_written_again(journal: Journal) -> None:
    one = table(p={"s": {"n": "1"}})
    rows = MarkedRows(lambda: [("a", one)])
    rows.adopt()
    assert list(rows.changes()) == []
    put(rows, one, "p", "s", {"n": "2"})
    assert [change.owner for change in rows.changes()] == ["a"]


def test_a_table_that_is_gone_leaves_no_items(journal: Journal) -> None:
    tables = {"a": table(p={"s": {}})}
    rows = MarkedRows(lambda: list(tables.items()))
    cut(journal, rows)
    put(rows, tables.pop("a"), "p", "s", None)
    assert cut(journal, rows) == [Remove("a")]


# ---------------------------------------------------------------- lists, compared rows, documents


def test_a_list_grows_at_its_end_and_shrinks_at_its_front(journal: Journal) -> None:
    lists: dict[str, list[Json]] = {"a": [{"n": str(number)} for number in range(5)]}
    rows = AppendedRows(lambda: list(lists.items()), lambda entry: str(entry["n"]))
    assert len(cut(journal, rows)) == 5
    lists["a"] += [{"n": "5"}, {"n": "6"}]
    del lists["a"][:3]
    assert len(cut(journal, rows)) == 3
    assert values(journal, "a") == lists["a"]
    assert cut(journal, rows) == []
    del lists["a"][:]
    assert cut(journal, rows) == [Remove("a")]
    assert values(journal, "a") == []


def test_a_list_whose_saved_entries_are_all_gone_begins_again(journal: Journal) -> None:
    lists: dict[str, list[Json]] = {"a": [{"n": "1"}, {"n": "2"}]}
    rows = AppendedRows(lambda: list(lists.items()), lambda entry: str(entry["n"]))
    rows.adopt()
    assert cut(journal, rows) == []
    lists["a"] = [{"n": "3"}]
    cut(journal, rows)
    assert values(journal, "a") == [{"n": "3"}]


def test_a_row_is_written_when_its_mark_changes(journal: Journal) -> None:
    marks = {"m1": 0, "m2": 0}
    rows = ComparedRows(lambda: [("q", {**marks}, lambda key: (key, marks[key]))])
    assert len(cut(journal, rows)) == 2
    marks["m1"] = 1
    del marks["m2"]
    marks["m3"] = 0
    assert len(cut(journal, rows)) == 3
    assert values(journal, "q") == [("m1", 1), ("m3", 0)]
    rows.adopt()
    assert cut(journal, rows) == []


def test_an_owner_that_is_gone_leaves_no_rows(journal: Journal) -> None:
    queues = {"q": {"m": 1}}
    rows = ComparedRows(lambda: [(owner, {**marks}, marks.__getitem__) for owner, marks in queues.items()])
    cut(journal, rows)
    queues.clear()
    assert cut(journal, rows) == [Remove("q")]


def test_rows_that_are_replaced_replace_also_what_an_earlier_engine_left(journal: Journal) -> None:
    pending: list[tuple[int, str]] = [(1, "one"), (2, "two")]
    cut(journal, ReplacedRows("p", lambda: list(pending)))
    after_a_start = ReplacedRows("p", lambda: list(pending))
    after_a_start.adopt()
    del pending[1]
    cut(journal, after_a_start)
    assert values(journal, "p") == ["one"]
    assert cut(journal, after_a_start) == []


def test_a_document_is_made_only_if_its_mark_changed_and_written_only_if_its_text_did() -> None:
    made: list[str] = []
    state = {"mark": b"1", "text": "x"}

    def text() -> str:
        made.append(state["text"])  # type: ignore[arg-type]
        return str(state["text"])

    def documents() -> Iterable[Any]:
        return [("s3", state["mark"], text)]

    rows = DocumentRows("d", documents)
    assert list(rows.changes()) == [Put("d", "s3", b"x")]
    assert list(rows.changes()) == []
    state["mark"] = b"2"
    assert list(rows.changes()) == []
    state |= {"mark": b"3", "text": "y"}
    assert list(rows.changes()) == [Put("d", "s3", b"y")]
    assert made == ["x", "x", "y"]
    loaded = DocumentRows("d", documents)
    loaded.adopt()
    assert list(loaded.changes()) == []
