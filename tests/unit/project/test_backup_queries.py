"""examples/backup: the queries over a copy of the backup, in DuckDB; Athena's view has the same columns."""

import gzip
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bench.report.results import ROOT
from scorecast.changes.change import from_record, to_detail
from tests.support.fakes import STREAM_ARN, Item, record

EXAMPLE = ROOT / "examples" / "backup"
HOUR = 1586937600  # 2020-04-15T08:00:00Z


def line(participant: str, board: str, sequence: int, at: float, new: str | None, old: str | None) -> Item:
    """An event of a change of a score at a time; None where there is no item."""
    images = [score and image(participant, board, score) for score in (new, old)]
    change = record(images[0] or None, images[1] or None, sequence, ApproximateCreationDateTime=at)
    return {"resources": [STREAM_ARN], "detail": to_detail(from_record(change))}


def image(participant: str, board: str, score: str) -> Item:
    name = {"userName": {"S": f"user{participant}"}}
    return {"id": {"S": participant}, "metadata": {"S": board}, "projectScore": {"N": score}} | name


LINES = [
    line("6", "StarWar", 1, HOUR, "50", None),
    line("2", "StarWar", 2, HOUR + 1.5, "90", None),
    line("6", "StarWar", 3, HOUR + 3000, "95.12345678901234567", "50"),
    line("3", "StarWar", 4, HOUR + 3100, "90", None),
    line("6", "WarCraft", 5, HOUR + 3600, "7", None),
    line("6", "StarWar", 6, HOUR + 3601, None, "95.12345678901234567"),
]


@pytest.fixture
def changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """DuckDB with the view of a backup, in which one event is twice."""
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed: it is in requirements/dev.txt")
    for hour, lines in (("08", LINES[:4]), ("09", LINES[3:])):
        folder = tmp_path / "changes" / "2020" / "04" / "15" / hour
        folder.mkdir(parents=True)
        (folder / "one.json.gz").write_bytes(gzip.compress("".join(f"{json.dumps(one)}\n" for one in lines).encode()))
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        connection.execute((EXAMPLE / "duckdb.sql").read_text(encoding="utf-8"))
        yield connection


def answer(changes: Any, name: str, **replace: str) -> list[Any]:
    query = (EXAMPLE / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    for old, new in replace.items():
        query = re.sub(old, new, query)
    return changes.sql(query).fetchall()  # type: ignore[no-any-return]


def test_the_leaders_at_a_time_are_those_of_that_time(changes: Any) -> None:
    early = answer(changes, "leaders", **{"08:26:17": "08:49:00"})
    assert early == [(1, "2", "user2", 90.0), (2, "6", "user6", 50.0)]
    later = answer(changes, "leaders", **{"08:26:17": "08:55:00"})
    assert [row[:2] for row in later] == [(1, "6"), (2, "2"), (2, "3")]
    removed = answer(changes, "leaders", **{"08:26:17": "10:00:00"})
    assert [row[:2] for row in removed] == [(1, "2"), (1, "3")]


def test_a_participants_history_has_every_change_once_with_all_digits(changes: Any) -> None:
    rows = answer(changes, "history")
    assert [row[1:4] for row in rows] == [
        ("INSERT", "StarWar", "50"),
        ("MODIFY", "StarWar", "95.12345678901234567"),
        ("INSERT", "WarCraft", "7"),
        ("REMOVE", "StarWar", None),
    ]
    assert [row[4] for row in rows] == [None, pytest.approx(45.12, abs=0.01), None, None]
    assert rows[1][0] == datetime(2020, 4, 15, 8, 50)  # noqa: DTZ001


def test_changes_an_hour_are_counted_once_each(changes: Any) -> None:
    nine = datetime(2020, 4, 15, 9)  # noqa: DTZ001
    assert answer(changes, "hours") == [
        (nine.replace(hour=8), "StarWar", 4, 3),
        (nine, "StarWar", 1, 1),
        (nine, "WarCraft", 1, 1),
    ]


def test_the_folder_of_a_change_is_its_hour(changes: Any) -> None:
    hours = changes.sql("SELECT hour, count(*) FROM changes GROUP BY hour ORDER BY hour").fetchall()
    assert hours == [("2020/04/15/08", 4), ("2020/04/15/09", 3)]


def test_both_views_have_the_same_columns() -> None:
    athena, duckdb = (
        re.findall(r" AS (\w+),$", (EXAMPLE / f"{name}.sql").read_text(encoding="utf-8"), re.MULTILINE)
        for name in ("athena", "duckdb")
    )
    assert athena == duckdb
    assert {"changed_at", "board", "score"} < set(athena)


def test_the_tables_folders_are_those_that_the_backup_has() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    table = (EXAMPLE / "template.yaml").read_text(encoding="utf-8")
    [folders] = re.findall(r"Prefix: (changes/)!\{timestamp:(\S+)\}/$", template, re.MULTILINE)
    assert f'"s3://${{BackupBucketName}}/{folders[0]}${{!hour}}/"' in table
    assert f"projection.hour.format: {folders[1]}" in table
