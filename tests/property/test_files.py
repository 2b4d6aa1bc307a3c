"""A board that is exported and imported into an empty stack is the same board, with any names, ids and scores."""

import io
from collections.abc import Iterable
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scorecast.leaderboard.item import NAME_CHARACTERS
from scorecast.leaderboard.order_key import LARGEST_MAGNITUDE, SCORE_DIGITS, SMALLEST_MAGNITUDE
from scorecast.leaderboard.policy import BoardPolicy, Order
from scorecast.ops.files.board_file import Format, read_lines, write_lines
from scorecast.ops.files.export import export_of
from scorecast.ops.files.import_report import ImportReport
from scorecast.ops.files.importer import Importer
from scorecast.ops.files.staged_lines import stage_lines, staged_lines
from scorecast.ops.stack.main_table import main_table_of
from tests.support.api_fakes import FakeTable
from tests.support.ops_fakes import fake_stack
from tests.support.recovery_fakes import RecoveryTables

Participants = dict[str, tuple[Decimal, str | None]]
"""The score and the name of each participant."""

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
# Characters that a format may stumble over come often.
awkward = st.text(st.sampled_from('",;\n\r\t \x00\ufeff\u2028{}[]\\=+é名🏆'), min_size=1, max_size=8)
names = st.one_of(st.none(), texts, awkward, st.just("n" * NAME_CHARACTERS))


@st.composite
def scores(draw: st.DrawFn) -> Decimal:
    """Any number that DynamoDB holds; few of them, so that some are tied, or many."""
    if draw(st.booleans()):
        return Decimal(draw(st.integers(-3, 3)))
    digits = str(draw(st.integers(1, 10**SCORE_DIGITS - 1)))
    magnitude = draw(st.integers(SMALLEST_MAGNITUDE, LARGEST_MAGNITUDE))
    return Decimal(f"{draw(st.sampled_from(['', '-']))}{digits[0]}.{digits[1:] or 0}E{magnitude}")


def text_of(table: FakeTable, board: str, form: Format) -> str:
    export = export_of(fake_stack(dynamodb=table), board, None)
    return "".join(write_lines(export.rows(), export.fields, form))


def imported(text: str, tables: RecoveryTables, form: Format) -> ImportReport:
    """Import a file as it is when it has been written and read again."""
    file = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8-sig", errors="surrogateescape", newline="")
    main, report = main_table_of(fake_stack(dynamodb=tables)), ImportReport()
    with staged_lines() as lines:
        assert all(stage_lines(read_lines(file, form), main, None, lines, report))
        assert report.faults == []
        Importer(main, report).run(lines)
    return report


def board_of(tables: RecoveryTables, policy: BoardPolicy) -> FakeTable:
    """The leaderboard that the items of a main table make."""
    main = main_table_of(fake_stack(dynamodb=tables))
    made = [entry for entry in map(main.entry_of, tables.tables["main"].values()) if entry]
    shown = [(entry.board, entry.id, str(entry.score)) for entry in made]
    return FakeTable(shown, names=names_of((entry.id, entry.name) for entry in made), policies={shown[0][0]: policy})


def names_of(pairs: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    return {participant: name for participant, name in pairs if name is not None}


@given(
    st.dictionaries(st.one_of(texts, awkward), st.tuples(scores(), names), min_size=1, max_size=12),
    st.one_of(texts, awkward),
    st.sampled_from(Format),
    st.sampled_from(Order),
)
@settings(max_examples=100)
@example(
    {"1": (Decimal("1E-130"), "a\r\nb"), "2": (Decimal("9." + "9" * 37 + "E125"), '"')},
    ",",
    Format.CSV,
    Order.ASCENDING,
)
def test_an_export_imported_into_an_empty_stack_is_the_same_board(
    participants: Participants, board: str, form: Format, order: Order
) -> None:
    policy = BoardPolicy(order=order)
    shown = [(board, one, format(score, "f")) for one, (score, _) in participants.items()]
    original = FakeTable(
        shown, names=names_of((one, name) for one, (_, name) in participants.items()), policies={board: policy}
    )
    text, empty = text_of(original, board, form), RecoveryTables()
    assert imported(text, empty, form).written == len(participants)
    assert text_of(board_of(empty, policy), board, form) == text
    items = dict(empty.tables["main"])
    assert imported(text, empty, form).unchanged == len(participants)
    assert empty.tables["main"] == items
