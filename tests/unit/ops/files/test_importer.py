"""An import: all lines are checked before any is written, and each is accounted for."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.files import importer
from scorecast.ops.files.board_file import RawLine
from scorecast.ops.files.checked_line import check_line
from scorecast.ops.files.import_report import SHOWN_FAULTS, ImportReport
from scorecast.ops.files.importer import Importer
from scorecast.ops.files.staged_lines import stage_lines, staged_lines
from scorecast.ops.recovery.interrupts import Interrupts
from scorecast.ops.stack.main_table import MainTable, main_table_of
from scorecast.ops.stack.polling import Clock
from tests.support.import_lines import POLICIES, row, showing, with_attributes
from tests.support.ops_fakes import FakeClock, entry, fake_stack, refusal
from tests.support.recovery_fakes import RecoveryTables

Rows = list[dict[str, Any]]


@dataclass
class Tables(RecoveryTables):
    """The main table; `before_write` is called with each update."""

    before_write: Callable[[dict[str, Any]], None] = lambda _: None
    updates: int = 0

    def update_item(self, **request: Any) -> dict[str, Any]:
        self.before_write(request)
        self.updates += 1
        return super().update_item(**request)

    @property
    def main(self) -> dict[tuple[str, str], dict[str, Any]]:
        return self.tables["main"]


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def main(tables: Tables) -> MainTable:
    return main_table_of(fake_stack(dynamodb=tables))


def run(main: MainTable, rows: Rows, report: ImportReport | None = None, **options: Any) -> ImportReport:
    """Import lines, one after another, so that tests know which was written."""
    report = report or ImportReport()
    raws = [RawLine(number, one) for number, one in enumerate(rows, start=2)]
    with staged_lines() as lines:
        for _ in stage_lines(raws, partial(check_line, table=main, policies=POLICIES), lines, report):
            pass
        if report.is_checked:
            Importer(main, report, together=lambda calls: [call() for call in calls], **options).run(lines)
    return report


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.written, report.unchanged, report.refused, report.left


# ---------------------------------------------------------------- checking


def test_a_second_line_about_a_participant_is_refused_and_names_the_first(main: MainTable, tables: Tables) -> None:
    report = run(main, [row("1"), row("1", board="Golf"), row("2"), row("1", "70")])
    assert [str(fault) for fault in report.faults] == [
        "line 5: id is '1', whom line 2 has on 'StarWar' too; a participant may have one line for each board"
    ]
    assert counts(report) == (0, 0, 1, 3)
    assert not tables.main


def test_nothing_is_written_if_one_line_is_wrong(main: MainTable, tables: Tables) -> None:
    report = run(main, [row(str(at)) for at in range(50)] + [row("x", "y")])
    assert (report.is_checked, report.lines, counts(report)) == (False, 51, (0, 0, 1, 50))
    assert not tables.updates


def test_many_faults_are_counted_and_some_kept(main: MainTable) -> None:
    report = run(main, [row("", "x") for _ in range(50)])
    assert (report.refused, report.fault_count, len(report.faults)) == (50, 100, SHOWN_FAULTS)


# ---------------------------------------------------------------- writing


def test_lines_become_items(main: MainTable, tables: Tables) -> None:
    report = run(main, [row("1", "60", "Ann"), row("2", "1" * 38)])
    assert tables.main == {
        ("1", "StarWar"): entry("1", "StarWar", "60", "Ann"),
        ("2", "StarWar"): entry("2", "StarWar", "1" * 38),
    }
    assert counts(report) == (2, 0, 0, 0)


def test_a_line_whose_item_says_the_same_is_not_written(main: MainTable, tables: Tables) -> None:
    rows = [row("1", "60", "Ann"), row("2", "70"), row("3", "80", "Cy")]
    run(main, rows)
    tables.updates = 0
    assert counts(run(main, [*rows[:2], row("3", "80.0", "Cy")])) == (0, 3, 0, 0)
    assert counts(run(main, [row("1", "61", "Ann"), row("2", "70", "Bob"), row("3", "80")])) == (2, 1, 0, 0)
    assert tables.updates == 2


def test_other_attributes_of_an_item_stay_and_so_does_its_name(main: MainTable, tables: Tables) -> None:
    before = entry("1", "StarWar", "60", "Ann") | {"team": {"S": "red"}}
    tables.put("main", before)
    run(main, [row("1", "61")])
    assert tables.main["1", "StarWar"] == before | {"projectScore": {"N": "61"}}


def test_columns_are_written_and_compared_as_boards_compare_them(main: MainTable, tables: Tables) -> None:
    before = entry("1", "Final", "60") | {"penalty": {"S": "2026-01-01T01:00:00+01:00"}, "town": {"S": "Bern"}}
    tables.put("main", before)
    same = row("1", "60", board="Final") | {"thenBy.penalty": "2026-01-01T00:00:00Z", "thenBy.age": None}
    assert counts(run(main, [same])) == (0, 1, 0, 0)
    assert counts(run(main, [same | {"thenBy.penalty": Decimal("5.0"), "thenBy.age": "2026-01-01"}])) == (1, 0, 0, 0)
    assert tables.main["1", "Final"] == before | {"penalty": {"N": "5"}, "age": {"S": "2026-01-01"}}


def test_attributes_are_written_and_those_that_a_line_lacks_stay(main: MainTable, tables: Tables) -> None:
    main = showing(main)
    before = entry("1", "StarWar", "60") | {"age": {"N": "9"}, "town": {"S": "Bern"}}
    tables.put("main", before)
    one = with_attributes(row("1", "60"), team="Lynx", age=None)
    assert counts(run(main, [one])) == (1, 0, 0, 0)
    assert tables.main["1", "StarWar"] == before | {"team": {"S": "Lynx"}}
    assert counts(run(main, [one])) == (0, 1, 0, 0)
    assert counts(run(main, [with_attributes(row("1", "60"), team="", age=Decimal("9.0"))])) == (0, 1, 0, 0)
    assert counts(run(main, [with_attributes(row("1", "60"), age=Decimal(10))])) == (1, 0, 0, 0)
    assert counts(run(main, [with_attributes(row("1", "60"), team=True)])) == (1, 0, 0, 0)
    assert counts(run(main, [with_attributes(row("1", "60"), team=Decimal(1))])) == (1, 0, 0, 0)
    assert tables.main["1", "StarWar"] == before | {"team": {"N": "1"}, "age": {"N": "10"}}


def test_an_attribute_that_is_the_score_is_the_score_of_its_line(main: MainTable, tables: Tables) -> None:
    run(showing(main), [with_attributes(row("1", "60"), projectScore=Decimal(5))])
    assert tables.main["1", "StarWar"] == entry("1", "StarWar", "60")


def test_an_attribute_that_is_written_at_the_same_moment_stays(main: MainTable, tables: Tables) -> None:
    def write_team(_: dict[str, Any]) -> None:
        tables.put("main", entry("1", "StarWar", "59") | {"team": {"S": "red"}})

    tables.before_write = write_team
    run(main, [row("1", "61")])
    assert tables.main["1", "StarWar"] == entry("1", "StarWar", "61") | {"team": {"S": "red"}}


def test_of_a_long_name_what_a_board_shows_is_compared(main: MainTable, tables: Tables) -> None:
    tables.put("main", entry("1", "StarWar", "60", "n" * 200))
    assert counts(run(main, [row("1", "60", "n" * 128)])) == (0, 1, 0, 0)


def test_an_item_without_a_usable_score_is_written(main: MainTable, tables: Tables) -> None:
    tables.put("main", {"id": {"S": "1"}, "metadata": {"S": "StarWar"}, "projectScore": {"S": "sixty"}})
    tables.put("main", {"id": {"S": "2"}, "metadata": {"S": "StarWar"}, "team": {"S": "red"}})
    assert counts(run(main, [row("1"), row("2")])) == (2, 0, 0, 0)


def test_a_line_whose_item_is_of_another_board_is_refused_and_the_others_are_written(
    main: MainTable, tables: Tables
) -> None:
    tables.put("main", entry("1", "StarWar", "60") | {"hackathonName": {"S": "Golf"}})
    tables.put("main", entry("2", "StarWar", "60") | {"hackathonName": {"N": "7"}})
    report = run(main, [row("1", "61"), row("2", "61"), row("3", "61")])
    assert counts(report) == (1, 0, 2, 0)
    [one, other] = map(str, report.faults)
    assert one == "line 2: its item is of the board 'Golf', by its hackathonName; the line is about 'StarWar'"
    assert other.startswith("line 3: The item's hackathonName is '7' (type N)")
    assert tables.main["1", "StarWar"]["projectScore"] == {"N": "60"}


def test_an_item_that_would_become_too_large_is_refused_and_the_others_are_written(
    main: MainTable, tables: Tables
) -> None:
    def refuse(request: dict[str, Any]) -> None:
        if request["Key"]["id"] == {"S": "1"}:
            raise refusal("ValidationException", "Item size to update has exceeded the maximum allowed size")

    tables.before_write = refuse
    report = run(main, [row("1"), row("2")])
    assert counts(report) == (1, 0, 1, 0)
    assert str(report.faults[0]) == "line 2: Item size to update has exceeded the maximum allowed size."


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(main: MainTable, tables: Tables) -> None:
    tables.put("main", entry("1", "StarWar", "60"))
    assert counts(run(main, [row("1"), row("2")], is_dry_run=True)) == (1, 1, 0, 0)
    assert not tables.updates


def test_a_participant_with_a_number_for_a_key_is_found_again(tables: Tables) -> None:
    class Numbered(Tables):
        """Writes numbers as DynamoDB does."""

        def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
            item = {"id": {"N": "7"}, "metadata": {"S": "StarWar"}, "projectScore": {"N": "60"}}
            return {"Responses": {"main": [item]}}

    main = main_table_of(fake_stack(dynamodb=Numbered()))
    numbered = replace(main, key_types=main.key_types | {"id": "N"})
    assert counts(run(numbered, [row("7.00")])) == (0, 1, 0, 0)


# ---------------------------------------------------------------- interruptions


def test_after_an_error_the_report_is_true_and_a_second_run_continues(
    main: MainTable, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "PAGE_LINES", 10)
    rows = [row(str(at), str(at)) for at in range(35)]

    def refuse(request: dict[str, Any]) -> None:
        if request["Key"]["id"]["S"] in ("13", "15"):
            raise refusal("AccessDeniedException", operation="UpdateItem")

    tables.before_write = refuse
    report = ImportReport()
    with pytest.raises(UserError, match="You may not call UpdateItem"):
        run(main, rows, report)
    assert counts(report) == (18, 0, 0, 17)
    assert len(tables.main) == 18
    tables.before_write = lambda _: None
    assert counts(run(main, rows)) == (17, 18, 0, 0)


def test_ctrl_c_ends_an_import_after_the_page_in_progress(
    main: MainTable, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "PAGE_LINES", 10)
    rows = [row(str(at), str(at)) for at in range(35)]
    stopped = Interrupts()
    monkeypatch.setattr(importer, "Interrupts", lambda: stopped)

    def stop(request: dict[str, Any]) -> None:
        if request["Key"]["id"]["S"] == "12":
            stopped.is_received = True

    tables.before_write = stop
    report = ImportReport()
    with suppress(KeyboardInterrupt):
        run(main, rows, report)
    assert counts(report) == (20, 0, 0, 15)


def test_throttled_writes_are_repeated_for_a_minute(main: MainTable, tables: Tables) -> None:
    fake, refusals = FakeClock(), iter(range(5))

    def throttle(_: dict[str, Any]) -> None:
        if next(refusals, None) is not None:
            raise refusal("ThrottlingException")

    tables.before_write = throttle
    assert counts(run(main, [row("1"), row("2")], clock=Clock(fake.now, fake.sleep))) == (2, 0, 0, 0)
    refusals = iter(range(10**6))
    report = ImportReport()
    with pytest.raises(UserError, match="throttled a call for 60 s: choose a lower --rate"):
        run(main, [row("3")], report, clock=Clock(fake.now, fake.sleep))
    assert counts(report) == (0, 0, 0, 1)


def test_writes_keep_to_the_rate_and_lines_without_one_do_not_wait(main: MainTable, tables: Tables) -> None:
    fake = FakeClock()
    rows = [row(str(at), str(at)) for at in range(201)]
    run(main, rows, rate=10, clock=Clock(fake.now, fake.sleep))
    assert fake.time_s == pytest.approx(20)
    run(main, rows, rate=10, clock=Clock(fake.now, fake.sleep))
    assert fake.time_s == pytest.approx(20)


def test_progress_reaches_every_line(main: MainTable, tables: Tables) -> None:
    tables.put("main", entry("1", "StarWar", "60"))
    tables.put("main", entry("2", "StarWar", "60") | {"hackathonName": {"S": "Golf"}})
    seen: list[int] = []
    run(main, [row("1"), row("2"), row("3")], on_lines=seen.append)
    assert sum(seen) == 3
