"""Boards that keep another score than the latest, and boards that close, on the deployed system."""

from scorecast.changes.change import from_record
from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.fakes import item, record
from tests.support.pipeline import Json, MainTable, backed_up, board, faults_on, judge, verified
from tests.support.recovery_fakes import envelope
from tests.support.waiting import eventually


def entries(stack: Stack, name: str) -> dict[str, tuple[str, str | None]]:
    """The score and the name of each participant."""
    status, body = stack.get("leaderBoard/", hackathonName=name, limit="100")
    found = body["entries"] if status == 200 else []
    return {one["id"]: (str(one["projectScore"]), one["userName"]) for one in found}


def shows(stack: Stack, name: str, expected: dict[str, tuple[str, str | None]]) -> None:
    assert entries(stack, name) == expected


def in_backup(stack: Stack, name: str, changes: int) -> list[Json]:
    events = backed_up(stack, name)
    assert len(events) == changes
    return events


def differing(scorecast: Scorecast, name: str) -> list[Json]:
    """What `verify` finds on a board, some of whose entries it can only compare loosely."""
    answer = verified(scorecast)
    assert answer["loose"] >= 1
    return faults_on(name, answer)


def test_on_a_golf_board_the_lowest_score_stays(stack: Stack, scorecast: Scorecast, main: MainTable) -> None:
    scorecast.ok("boards", "set", main.board, "--keep", "best", "--order", "ascending")
    for score in ("72", "70", "75"):
        main.put("1", {"N": score}, userName={"S": f"after {score}"})
    main.put("2", {"N": "68"})
    eventually(lambda: shows(stack, main.board, {"1": ("70", "after 75"), "2": ("68", "user 2")}))
    main.delete("2")
    eventually(lambda: shows(stack, main.board, {"1": ("70", "after 75")}))
    main.put("2", {"N": "90"})  # a participant who comes back starts again
    eventually(lambda: shows(stack, main.board, {"1": ("70", "after 75"), "2": ("90", "user 2")}))
    assert board(stack, main.board) == [(1, "1", "70"), (2, "2", "90")]
    said = scorecast.ok("score", "1", main.board, "80")
    assert said.startswith(f"1 has 80 on the board {main.board}; the board, which keeps the best score, agreed after ")
    assert differing(scorecast, main.board) == []


def test_equal_scores_are_ranked_by_columns(stack: Stack, scorecast: Scorecast, main: MainTable) -> None:
    scorecast.ok("boards", "set", main.board, "--then-by", "penalty:ascending", "--then-by", "solvedAt:ascending")
    early, late = ({"solvedAt": {"S": f"2026-12-01T12:{minute}:00+08:00"}} for minute in ("31", "40"))
    for participant, more in {
        "1": {"penalty": {"N": "1220"}} | late,
        "2": {"penalty": {"N": "880"}} | late,
        "3": {"penalty": {"N": "1220"}} | early,
        "4": {"penalty": {"S": "none"}} | early,
        "5": {"penalty": {"N": "1.22E+3"}} | late,
    }.items():
        main.put(participant, {"N": "8"}, **more)

    def ranked(*expected: tuple[int, str]) -> None:
        status, body = stack.get("leaderBoard/", hackathonName=main.board)
        assert status == 200
        assert [(one["rank"], one["id"]) for one in body["entries"]] == [*expected]

    eventually(lambda: ranked((1, "2"), (2, "3"), (3, "1"), (3, "5"), (5, "4")))
    status, answer = stack.get(f"leaderBoard/{main.board}/participants/4")
    assert (status, answer["rank"], answer["thenBy"]) == (200, 5, {"penalty": None, "solvedAt": "2026-12-01T04:31:00Z"})
    assert answer["columns"] == [{"name": name, "order": "ascending"} for name in ("penalty", "solvedAt")]
    main.put("4", {"N": "8"}, penalty={"N": "0"})
    eventually(lambda: ranked((1, "4"), (2, "2"), (3, "3"), (4, "1"), (4, "5")))
    assert (
        "Equal scores rank by penalty (ascending), then by solvedAt (ascending)."
        in scorecast.run("top", main.board).stderr
    )
    assert differing(scorecast, main.board) == []


def test_a_first_score_stays(stack: Stack, scorecast: Scorecast, main: MainTable) -> None:
    scorecast.ok("boards", "set", main.board, "--keep", "first")
    for score in ("5", "9", "1"):
        main.put("1", {"N": score}, userName={"S": f"after {score}"})
    eventually(lambda: shows(stack, main.board, {"1": ("5", "after 1")}))


def test_a_closed_board_stays_as_it_was_but_for_what_happened_before(
    stack: Stack, scorecast: Scorecast, main: MainTable
) -> None:
    change = from_record(record(item("1", main.board)) | {"eventID": main.board})
    scorecast.ok("boards", "set", main.board, "--closes-at", change.at)
    main.put("1", {"N": "99"})
    main.put("2", {"N": "70"})
    queue = stack.outputs["FanoutDlqUrl"]
    stack.client("sqs").send_message(QueueUrl=queue, MessageBody=envelope("standings", change))
    scorecast.ok("dlq", "redrive", "--board", main.board)
    eventually(lambda: shows(stack, main.board, {"1": ("60", "userA")}))
    main.delete("1")
    judge(stack, *eventually(lambda: in_backup(stack, main.board, 3)))
    shows(stack, main.board, {"1": ("60", "userA")})
    assert board(stack, main.board) == [(1, "1", "60")]
    assert "it does not count because the board closed at" in scorecast.ok("score", "2", main.board, "71")
    assert differing(scorecast, main.board) == []
