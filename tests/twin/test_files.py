"""A board goes to a file and back, on the deployed system."""

from pathlib import Path

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.pipeline import MainTable, board
from tests.support.waiting import eventually

NAMES = ["Ann, A", 'the "best"', "two\r\nlines", "名 🏆", "=1+1"]
SCORES = ["1" * 38, "-0." + "3" * 38, "7", "7", "0"]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_board_that_is_exported_and_imported_is_the_same_board(
    stack: Stack, scorecast: Scorecast, main: MainTable, name: str, tmp_path: Path, form: str
) -> None:
    for participant, (score, shown) in enumerate(zip(SCORES, NAMES, strict=True)):
        main.put(str(participant), {"N": score}, userName={"S": shown})
    file = tmp_path / f"board.{form}"

    def is_whole() -> None:
        assert scorecast.json("export", main.board, "--into", str(file))["entries"] == len(SCORES)

    eventually(is_whole)
    exported = file.read_bytes().decode()
    assert scorecast.json("import", str(file), "--board", name)["written"] == len(SCORES)

    def is_the_same() -> None:
        assert scorecast.ok("export", name, "--format", form) == exported.replace(main.board, name)

    eventually(is_the_same)
    assert [rank for rank, _, _ in board(stack, name) or []] == [1, 2, 2, 4, 5]
    again = scorecast.json("import", str(file), "--board", name)
    assert (again["written"], again["unchanged"]) == (0, len(SCORES))
    assert scorecast.json("import", str(file))["unchanged"] == len(SCORES)


def test_other_attributes_of_an_item_stay(scorecast: Scorecast, main: MainTable, tmp_path: Path) -> None:
    main.put("1", {"N": "60"}, team={"S": "red"})
    file = tmp_path / "one.csv"
    file.write_text("id,projectScore\n1,61\n")
    assert scorecast.json("import", str(file), "--board", main.board)["written"] == 1
    key = {"id": {"S": "1"}, "metadata": {"S": main.board}}
    item = main.table.get_item(TableName=main.name, Key=key, ConsistentRead=True)["Item"]
    assert item == key | {"projectScore": {"N": "61"}, "userName": {"S": "user 1"}, "team": {"S": "red"}}
