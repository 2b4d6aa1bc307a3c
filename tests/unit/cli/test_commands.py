"""The commands, from what is typed to what is printed, on a fake stack."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app, board, boards, consumers, load, output
from scorecast.errors import UserError
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order, policy_item, policy_key
from scorecast.ops.boards.api_client import ApiClient
from scorecast.ops.load.plan import Write
from scorecast.ops.recovery.comparison import Comparison, Difference, ScoreAndName
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Stack
from tests.support.ops_fakes import (
    DLQ,
    FUNCTION,
    QUEUE,
    FakeFunctions,
    FakeQueues,
    FakeRules,
    FakeS3,
    FakeTopics,
    entry,
    fake_stack,
)
from tests.support.recovery_fakes import RecoveryTables


class Pipeline(RecoveryTables):
    """A main table whose writes reach the leaderboard at once; its API shows what the leaderboard holds.

    `about` is the boards' policy as the API answers it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.about: dict[str, Any] = {"order": "descending"}

    def scan(self, **request: Any) -> dict[str, Any]:
        self._arrive()
        return super().scan(**request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self._arrive()
        return super().batch_get_item(**request)

    def _arrive(self) -> None:
        self.tables["leaderboard"] = dict(self.tables["main"])

    def fetch(self, url: str) -> tuple[int, bytes]:
        path = url.removeprefix("https://api/leaderBoard/")
        if not path:
            return 200, b'{"boards": [{"hackathonName": "Star[War]", "total": 2}]}'
        if path.startswith("?"):
            about = json.dumps({"hackathonName": "StarWar", "total": 2} | self.about).encode().removesuffix(b"}")
            return 200, about + b', "entries": [' + self.json("1", rank=1) + b"]}"
        name, _, participant = path.partition("/participants/")
        item = self.tables["main"].get((participant, name))
        below = [{"rank": 2, "id": "2", "userName": None, "projectScore": 5}]
        place = {"rank": 1, "total": 2, "percentile": 100, "above": [], "below": below} | self.about
        return (200, self.json(participant, board=name, **place)) if item else (404, b"{}")

    def json(self, participant: str, board: str = "StarWar", **more: Any) -> bytes:
        item = self.tables["main"][participant, board]
        name = item.get("userName", {}).get("S")
        shown = {"hackathonName": board, "id": participant, "userName": name, "projectScore": "?"} | more
        return json.dumps(shown).replace('"?"', item["projectScore"]["N"]).encode()


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def rules() -> FakeRules:
    return FakeRules()


@pytest.fixture(autouse=True)
def stack(pipeline: Pipeline, rules: FakeRules, monkeypatch: pytest.MonkeyPatch) -> Stack:
    events = {"changes/2026/01/01/00/a": b'{"time": "2026-01-01T00:00:00Z", "detail-type": "INSERT"}\n'}
    clients = {"events": rules, "sqs": FakeQueues(), "sns": FakeTopics(), "lambda": FakeFunctions()}
    made = fake_stack(dynamodb=pipeline, s3=FakeS3(events), **clients)
    for module in (board, boards, consumers, load):
        monkeypatch.setattr(module, "open_stack", lambda *_: made)
    monkeypatch.setattr(board, "api_of", lambda _: ApiClient("https://api/", pipeline.fetch))
    return made


def run(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command as it is typed; an error for the user is raised."""
    result = CliRunner(mix_stderr=False).invoke(app, arguments, input=stdin)
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


# ---------------------------------------------------------------- score, top, rank


def test_a_score_is_written_and_waited_for(pipeline: Pipeline) -> None:
    result = run("score", "1", "StarWar", "60.5", "--name", "userA")
    assert pipeline.tables["main"]["1", "StarWar"] == entry("1", "StarWar", "60.5", "userA")
    assert result.stdout.startswith("1 has 60.5 on the board StarWar; it arrived after 0.")


def test_a_negative_score_is_an_argument() -> None:
    assert run("score", "1", "StarWar", "-3").stdout.startswith("1 has -3 on the board")


def test_a_score_in_json_has_all_its_digits() -> None:
    digits = "0.12345678901234567890123456789012345678"
    answer = json.loads(run("score", "1", "StarWar", digits, "--json").stdout, parse_float=Decimal)
    assert answer["projectScore"] == Decimal(digits)
    assert answer["shownAfterSeconds"] >= 0


def test_without_waiting_it_says_that_the_board_will_follow() -> None:
    assert run("score", "1", "StarWar", "60", "--no-wait").stdout.endswith("it will follow.\n")


def test_a_score_is_deleted(pipeline: Pipeline) -> None:
    run("score", "1", "StarWar", "60")
    assert run("score", "1", "StarWar", "--delete").stdout.startswith("1 is off the board StarWar")
    assert pipeline.tables["main"] == {}


def test_a_worse_score_of_a_board_that_keeps_the_best_is_not_awaited_forever(pipeline: Pipeline) -> None:
    pipeline.declare("StarWar", BoardPolicy(keep=Keep.BEST))
    assert run("score", "1", "StarWar", "60").stdout.startswith(
        "1 has 60 on the board StarWar; the board, which keeps the best score, agreed after 0."
    )


def test_a_score_of_a_closed_board_is_not_awaited(pipeline: Pipeline) -> None:
    pipeline.declare("StarWar", BoardPolicy(closes_at="2026-01-01T00:00:00Z"))
    said = run("score", "1", "StarWar", "60").stdout
    reason = "it does not count because the board closed at 2026-01-01T00:00:00Z"
    assert said == f"1 has 60 on the board StarWar; {reason}.\n"
    assert "shownAfterSeconds" in run("score", "1", "StarWar", "61", "--json").stdout


def test_a_malformed_policy_is_named_and_can_be_replaced(pipeline: Pipeline) -> None:
    pipeline.declare("Golf", BoardPolicy(order=Order.ASCENDING))
    pipeline.put_item(TableName="boards", Item=policy_key("Golf") | {"keep": {"S": "worst"}})
    assert "The policy of the board 'Golf' is not usable: keep is 'worst'" in str(run("boards", "list").exception)
    result = run("boards", "set", "Golf", "--order", "ascending")
    assert "The new policy replaces it." in result.stderr
    assert result.stdout == "Golf: order ascending, keeps the latest score, ties unordered, never closes.\n"
    assert pipeline.tables["boards"]["policy/Golf", "Golf"] == policy_item("Golf", BoardPolicy(order=Order.ASCENDING))


@pytest.mark.parametrize("arguments", [[], ["60", "--delete"], ["--delete", "--name", "x"]])
def test_score_takes_either_a_score_or_a_deletion(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="Give either a SCORE"):
        run("score", "1", "StarWar", *arguments)


def test_the_boards_are_listed() -> None:
    assert "Star[War]" in run("top").stdout
    assert json.loads(run("top", "--json").stdout) == {"boards": [{"hackathonName": "Star[War]", "total": 2}]}


def test_the_top_says_when_there_are_more() -> None:
    run("score", "1", "StarWar", "60", "--name", "[red]A")
    result = run("top", "StarWar", "--limit", "1")
    assert "[red]A" in result.stdout
    assert "1 of 2; --limit shows more." in result.stderr


def test_the_attributes_that_a_stack_shows_are_columns_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    about = {"hackathonName": "StarWar"}
    entries = [
        {"rank": 1, "id": "1", "userName": "a", "projectScore": 5, "attributes": {"team": "[b]Lynx", "pro": True}},
        {"rank": 2, "id": "2", "userName": None, "projectScore": 4},
    ]
    output.data.print(board._entries_table(about, entries))
    header, first, second = (line for line in capsys.readouterr().out.splitlines() if line[0] in "┃│")
    assert header.split()[1::2] == ["rank", "name", "id", "pro", "team", "score"]
    assert first.split()[1::2] == ["1", "a", "1", "yes", "[b]Lynx", "5"]
    assert second.split("│")[4:6] == [" " * 5, " " * 9]


def test_a_rank_is_a_sentence_or_json() -> None:
    run("score", "1", "StarWar", "60", "--name", "userA")
    sentence, *table = run("rank", "1", "StarWar").stdout.splitlines()
    assert sentence == "1 (userA) is number 1 of 2 on StarWar with a score of 60; 100 % do not score higher."
    assert [line.split()[1] for line in table if line.startswith("│")] == ["1", "2"]
    assert json.loads(run("rank", "1", "StarWar", "--json").stdout)["rank"] == 1


def test_rank_and_top_say_that_low_scores_are_better(pipeline: Pipeline) -> None:
    run("score", "1", "StarWar", "60", "--name", "userA")
    pipeline.about = {"order": "ascending"}
    assert "100 % do not score lower." in run("rank", "1", "StarWar").stdout
    assert "The lowest score is best." in run("top", "StarWar").stderr


def test_rank_and_top_say_by_what_equal_scores_are_ranked(pipeline: Pipeline) -> None:
    run("score", "1", "StarWar", "60", "--name", "userA")
    columns = [{"name": "penalty", "order": "ascending"}, {"name": "solvedAt", "order": "descending"}]
    pipeline.about = {"order": "descending", "columns": columns}
    assert "100 % do not rank higher." in run("rank", "1", "StarWar").stdout
    result = run("top", "StarWar")
    assert "Equal scores rank by penalty (ascending), then by solvedAt (descending)." in result.stderr
    assert "penalty" in result.stdout


@pytest.mark.parametrize(
    ("closes_at", "words"), [("2020-01-01T00:00:00Z", "Final: it closed at"), ("9999-01-01T00:00:00Z", "It closes at")]
)
def test_the_top_says_when_the_board_closes_or_that_it_is_final(pipeline: Pipeline, closes_at: str, words: str) -> None:
    run("score", "1", "StarWar", "60", "--name", "userA")
    pipeline.about["closesAt"] = closes_at
    assert f"{words} {closes_at}." in run("top", "StarWar").stderr


# ---------------------------------------------------------------- load


def test_a_load_ends_with_every_entry_compared() -> None:
    result = run("load", "--changes", "200", "--participants", "20", "--boards", "2", "--seed", "1", "--json")
    answer = json.loads(result.stdout)
    assert (answer["written"], answer["differing"], answer["seed"]) == (200, 0, 1)
    assert 0 <= answer["secondsUntilArrived"] <= answer["secondsUntilEqual"]


def test_a_load_sums_up_in_a_sentence() -> None:
    result = run("load", "--changes", "50", "--participants", "5")
    assert result.stdout.startswith("Wrote 50 changes in ")
    assert "the last ones arrived" in result.stdout
    assert "entries are as in the main table." in result.stdout


def test_a_load_can_be_removed_again_and_again(pipeline: Pipeline) -> None:
    run("score", "1", "StarWar", "60")
    run("load", "--changes", "50", "--participants", "5")
    written = len(pipeline.tables["main"]) - 1
    result = run("load", "--remove")
    assert result.stdout.startswith(f"Removed {written} items in ")
    assert "s later the leaderboard agrees." in result.stdout
    assert list(pipeline.tables["main"]) == [("1", "StarWar")]
    assert json.loads(run("load", "--remove", "--json").stdout)["removed"] == 0


def test_a_load_without_waiting_says_what_it_wrote() -> None:
    answer = json.loads(run("load", "--changes", "50", "--no-wait", "--json").stdout)
    assert answer["written"] == 50
    assert "entries" not in answer


def test_an_interrupted_load_says_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> Write:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "plan", lambda _: map(interrupt, range(50)))
    with pytest.raises(UserError, match="Stopped: 0 of 50 changes are written") as error:
        run("load", "--changes", "50")
    assert error.value.exit_code == 130


def test_an_interrupted_wait_says_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "wait_until_equal", interrupted)
    with pytest.raises(UserError, match="Stopped: 50 of 50 changes are written") as error:
        run("load", "--changes", "50")
    assert error.value.exit_code == 130


def test_entries_that_differ_at_the_deadline_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Difference("load-00001", "load-board-1", ScoreAndName(Decimal(60), "Ada 1"), None)
    monkeypatch.setattr(load, "wait_until_equal", lambda *_: Comparison(40, 1, (late,)))
    with pytest.raises(UserError, match="1 of 40 entries differ: load-board-1/load-00001 has no entry") as error:
        run("load", "--changes", "50")
    assert error.value.exit_code == 8


# ---------------------------------------------------------------- consumers

PATTERN = '{"detail-type": ["INSERT"]}'


def test_a_consumer_is_added_listed_and_removed(rules: FakeRules) -> None:
    added = run("consumers", "add", "high", "--pattern", PATTERN, "--target", QUEUE, "--retries", "3")
    assert added.stdout == f"The consumer high is added: matching events go to {QUEUE}.\n"
    assert "sqs orders" in run("consumers", "list").stdout
    answer = json.loads(run("consumers", "list", "--json").stdout)
    assert answer["bus"] == "fanoutBus"
    assert answer["rules"] == [
        {
            "name": "high",
            "rule": "fanout-consumer-high",
            "origin": "added",
            "state": "ENABLED",
            "pattern": {"detail-type": ["INSERT"]},
            "targets": [
                {
                    "arn": QUEUE,
                    "roleArn": None,
                    "messageGroupId": None,
                    "deadLetterQueueArn": DLQ,
                    "maximumRetryAttempts": 3,
                    "maximumEventAgeInSeconds": None,
                }
            ],
        }
    ]
    removed = json.loads(run("consumers", "remove", "high", "--json").stdout)
    assert removed == {"name": "high", "rule": "fanout-consumer-high", "targets": [QUEUE]}
    assert rules.rules == {}


def test_adding_again_is_an_update() -> None:
    arguments = ("consumers", "add", "high", "--pattern", "-", "--target", QUEUE, "--json")
    assert json.loads(run(*arguments, stdin=PATTERN).stdout)["isNew"]
    assert not json.loads(run(*arguments, stdin=PATTERN).stdout)["isNew"]


def test_a_function_as_a_target_is_warned_of_a_loop() -> None:
    added = run("consumers", "add", "high", "--pattern", PATTERN, "--target", FUNCTION)
    assert "If this function writes to the main table" in added.stderr
    assert "Lambda does not detect loops through DynamoDB" in added.stderr
    assert "loops" not in run("consumers", "add", "high", "--pattern", PATTERN, "--target", QUEUE).stderr


def add_two(rules: FakeRules) -> None:
    for name in ("high", "low"):
        run("consumers", "add", name, "--pattern", PATTERN, "--target", QUEUE)
    for name in ("audit", "fanout-BackupRule-1"):
        rules.put_rule(Name=name, EventPattern=PATTERN, State="ENABLED")


def test_all_consumers_are_removed_after_a_question_with_their_number(rules: FakeRules) -> None:
    add_two(rules)
    with pytest.raises(UserError, match="Nothing was removed"):
        run("consumers", "remove", "--all", stdin="n\n")
    assert len(rules.rules) == 4
    removed = run("consumers", "remove", "--all", stdin="y\n")
    assert "Remove 2 consumers (high, low) from the bus fanoutBus? [y/N]" in removed.stderr
    assert removed.stdout.endswith("Removed 2 consumers.\n")
    assert "rules that were not added with this command: audit. AWS does not delete the bus before" in removed.stderr
    assert sorted(rules.rules) == ["audit", "fanout-BackupRule-1"]


def test_all_consumers_are_removed_without_a_question(rules: FakeRules) -> None:
    add_two(rules)
    answer = json.loads(run("consumers", "remove", "--all", "--yes", "--json").stdout)
    assert answer == {"removed": ["high", "low"], "others": ["audit"]}
    assert json.loads(run("consumers", "remove", "--all", "--json").stdout) == {"removed": [], "others": ["audit"]}


@pytest.mark.parametrize("arguments", [[], ["high", "--all"], ["high", "--yes"], ["--yes"]])
def test_remove_takes_either_a_name_or_all(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="Give the name of a consumer, or --all") as error:
        run("consumers", "remove", *arguments)
    assert error.value.exit_code == ExitCode.USAGE


def test_a_pattern_with_a_number_that_eventbridge_cannot_compare_is_refused(rules: FakeRules) -> None:
    pattern = '{"detail": {"new": {"projectScore": [{"numeric": [">=", 6000000000]}]}}}'
    for arguments in (("add", "high", "--target", QUEUE), ("test",)):
        with pytest.raises(UserError, match="compares with 6000000000"):
            run("consumers", *arguments, "--pattern", pattern)
    assert rules.rules == {}


def test_a_pattern_is_tested_on_the_samples() -> None:
    result = run("consumers", "test", "--pattern", PATTERN)
    assert result.exit_code == 0
    assert result.stdout.endswith("The pattern matches 1 of 5 events.\n")


def test_a_pattern_is_tested_on_files_and_real_changes(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"detail-type": "REMOVE"}')
    result = run(
        "consumers", "test", "--pattern", PATTERN, "--sample", str(tmp_path / "mine.json"), "--live", "5", "--json"
    )
    answer = json.loads(result.stdout)
    assert (answer["tested"], answer["matched"]) == (2, 1)
    assert [(event["from"], event["matches"]) for event in answer["events"]] == [("mine.json", False), ("backup", True)]


def test_a_pattern_that_matches_nothing_exits_1() -> None:
    assert run("consumers", "test", "--pattern", '{"detail-type": ["READ"]}').exit_code == 1
