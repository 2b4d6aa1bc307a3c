"""A board that is exported and imported into an empty stack is the same board, with any names, ids and scores."""

import io
from dataclasses import replace
from decimal import Decimal
from functools import partial

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scorecast.leaderboard.columns import values_of
from scorecast.leaderboard.display import AttributeValue
from scorecast.leaderboard.item import NAME_CHARACTERS
from scorecast.leaderboard.policy import BoardPolicy, Order
from scorecast.ops.files.board_file import Format, read_lines, write_lines
from scorecast.ops.files.checked_line import check_line
from scorecast.ops.files.export import export_of
from scorecast.ops.files.import_report import ImportReport
from scorecast.ops.files.importer import Importer
from scorecast.ops.files.staged_lines import stage_lines, staged_lines
from scorecast.ops.stack.main_table import main_table_of
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.numbers import LARGEST_MAGNITUDE, NUMBER_DIGITS, SMALLEST_MAGNITUDE
from scorecast.runtime.settings import AttributeNames
from tests.support.api_fakes import FakeTable
from tests.support.ops_fakes import fake_stack
from tests.support.recovery_fakes import RecoveryTables

Participants = dict[str, tuple[Decimal, str | None, dict[str, AttributeValue]]]
"""The score, the name and the attributes of each participant."""

SHOWN = ("team", "projectScore.2", "penalty")
COLUMNS = "penalty:ascending,at:descending"

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
# Characters that a format may stumble over come often.
awkward = st.text(st.sampled_from('",;\n\r\t \x00\ufeff\u2028{}[]\\=+é名🏆'), min_size=1, max_size=8)
names = st.one_of(st.none(), texts, awkward, st.just("n" * NAME_CHARACTERS))

values = st.one_of(awkward, texts, st.booleans(), st.decimals(-9, 9, places=2))
times = st.sampled_from(["2026-01-01", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.25Z"])
attributes = st.fixed_dictionaries(
    {},
    optional={
        "team": values,
        "projectScore.2": values,
        "penalty": st.one_of(st.integers(0, 2).map(Decimal), times, values),
        "at": times,
    },
)


@st.composite
def scores(draw: st.DrawFn) -> Decimal:
    """Any number that DynamoDB holds; few of them, so that some are tied, or many."""
    if draw(st.booleans()):
        return Decimal(draw(st.integers(-3, 3)))
    digits = str(draw(st.integers(1, 10**NUMBER_DIGITS - 1)))
    magnitude = draw(st.integers(SMALLEST_MAGNITUDE, LARGEST_MAGNITUDE))
    return Decimal(f"{draw(st.sampled_from(['', '-']))}{digits[0]}.{digits[1:] or 0}E{magnitude}")


def stack_of(dynamodb: FakeTable | RecoveryTables) -> Stack:
    return replace(fake_stack(dynamodb=dynamodb), attributes=AttributeNames(shown=SHOWN))


def text_of(table: FakeTable, board: str, form: Format) -> str:
    export = export_of(stack_of(table), board, None)
    return "".join(write_lines(export.rows(), export.fields, form))


def imported(text: str, tables: RecoveryTables, form: Format, policies: dict[str, BoardPolicy]) -> ImportReport:
    """Import a file as it is when it has been written and read again."""
    file = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8-sig", errors="surrogateescape", newline="")
    main, report = main_table_of(stack_of(tables)), ImportReport()
    with staged_lines() as lines:
        check = partial(check_line, table=main, policies=policies)
        assert len([*stage_lines(read_lines(file, form), check, lines, report)]) == report.lines
        assert report.faults == []
        Importer(main, report).run(lines)
    return report


def board_of(tables: RecoveryTables, board: str, policy: BoardPolicy) -> FakeTable:
    """The leaderboard that the items of a main table make."""
    main = main_table_of(stack_of(tables))
    made = [entry for entry in map(main.entry_of, tables.tables["main"].values()) if entry]
    shown = [(entry.board, entry.id, str(entry.score)) for entry in made]
    names = {entry.id: entry.name for entry in made if entry.name is not None}
    attributes = {entry.id: dict(entry.attributes) for entry in made}
    columns = {entry.id: values_of(entry.image or {}, policy) for entry in made}
    # Those that are tied stand in an order that does not depend on when they were written.
    reached = {one: f"2026-01-01T00:00:{at:02}Z" for at, one in enumerate(sorted(attributes))}
    return FakeTable(
        shown, names=names, attributes=attributes, columns=columns, policies={board: policy}, reached=reached
    )


def main_table_with(participants: Participants, board: str) -> RecoveryTables:
    tables = RecoveryTables()
    main = main_table_of(stack_of(tables))
    for participant, (score, name, attributes) in participants.items():
        main.put_score(participant, board, score, name, tuple(attributes.items()))
    return tables


@given(
    st.dictionaries(st.one_of(texts, awkward), st.tuples(scores(), names, attributes), min_size=1, max_size=12),
    st.one_of(texts, awkward),
    st.sampled_from(Format),
    st.builds(BoardPolicy, order=st.sampled_from(Order), then_by=st.sampled_from(["", COLUMNS])),
)
@settings(max_examples=100)
@example(
    {"1": (Decimal("1E-130"), "a\r\nb", {"team": "12"}), "2": (Decimal("9." + "9" * 37 + "E125"), '"', {"team": True})},
    ",",
    Format.CSV,
    BoardPolicy(order=Order.ASCENDING),
)
def test_an_export_imported_into_an_empty_stack_is_the_same_board(
    participants: Participants, board: str, form: Format, policy: BoardPolicy
) -> None:
    empty, policies = RecoveryTables(), {board: policy}
    text = text_of(board_of(main_table_with(participants, board), board, policy), board, form)
    assert imported(text, empty, form, policies).written == len(participants)
    assert text_of(board_of(empty, board, policy), board, form) == text
    items = dict(empty.tables["main"])
    assert imported(text, empty, form, policies).unchanged == len(participants)
    assert empty.tables["main"] == items
