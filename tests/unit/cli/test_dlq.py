"""The commands for dead letters: what they ask, print and delete."""

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app, dlq
from scorecast.errors import UserError
from tests.support.ops_fakes import fake_stack, fake_target
from tests.support.recovery_fakes import DEAD_LETTERS, FakeQueue, change, envelope


@pytest.fixture
def queue() -> FakeQueue:
    """A queue with two letters of FanoutLambda and one of ConsumerLambda."""
    queue = FakeQueue()
    for at, stage in enumerate(("fanout", "fanout", "standings")):
        queue.park(envelope(stage, change(at)))
    return queue


@pytest.fixture(autouse=True)
def stack(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    use_stack(queue, monkeypatch)


def use_stack(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch, endpoint: str | None = None) -> None:
    stack = fake_stack()
    outputs = dict(stack.outputs) | {"FanoutDlqUrl": DEAD_LETTERS}
    made = replace(stack, target=fake_target(endpoint, sqs=queue), outputs=outputs)
    monkeypatch.setattr(dlq, "open_stack", lambda _: made)


def run(*arguments: str, stdin: str | None = None) -> Result:
    """Run `scorecast dlq ...`; an error for the user is raised."""
    result = CliRunner(mix_stderr=False).invoke(app, ["dlq", *arguments], input=stdin)
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


def answer(*arguments: str, stdin: str | None = None) -> Any:
    return json.loads(run(*arguments, "--json", stdin=stdin).stdout)


# ---------------------------------------------------------------- purge


def test_purge_asks_with_the_number_of_letters_and_the_filter(queue: FakeQueue) -> None:
    result = run("purge", "--stage", "fanout", "--board", "StarWar", stdin="y\n")
    assert "Delete 2 dead letters (stage fanout, board StarWar) permanently? [y/N]" in result.stderr
    assert result.stdout.endswith("Deleted 2 dead letters.\n")
    assert queue.visible == ["m3"]


def test_purge_without_a_filter_says_so(queue: FakeQueue) -> None:
    assert "Delete 3 dead letters (no filter) permanently?" in run("purge", stdin="y\n").stderr
    assert queue.messages == []


def test_purge_deletes_nothing_if_the_answer_is_no(queue: FakeQueue) -> None:
    with pytest.raises(UserError, match="Nothing was deleted"):
        run("purge", stdin="n\n")
    assert len(queue.visible) == 3


def test_purge_keeps_a_letter_that_arrives_after_the_question(
    queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def park_and_agree(*_: Any, **__: Any) -> bool:
        queue.park(envelope("fanout", change(9)))
        return True

    monkeypatch.setattr("click.confirm", park_and_agree)
    assert answer("purge", "--stage", "fanout") == {"deleted": 2}
    assert queue.visible == ["m3", "m4"]


def test_purge_does_not_ask_if_no_letter_is_selected(queue: FakeQueue) -> None:
    assert run("purge", "--stage", "stream").stdout == "Deleted 0 dead letters.\n"
    assert len(queue.visible) == 3


def test_purge_with_yes_does_not_ask(queue: FakeQueue) -> None:
    assert answer("purge", "--yes") == {"deleted": 3}


def test_a_dry_run_of_purge_deletes_nothing(queue: FakeQueue) -> None:
    result = run("purge", "--dry-run")
    assert result.stdout.endswith("3 dead letters in total; nothing was done.\n")
    assert len(queue.visible) == 3


# ---------------------------------------------------------------- filters


@pytest.mark.parametrize("option", ["--reason", "--board", "--id"])
def test_an_empty_text_is_refused_because_it_would_select_too_much(option: str) -> None:
    with pytest.raises(UserError, match=f"{option} must not be empty") as error:
        run("purge", "--yes", option, "")
    assert error.value.exit_code == 2


def test_every_command_takes_the_same_filters() -> None:
    usages = [run(command, "--help").stdout.partition("Which letters:")[2] for command in dlq.dlq.commands]
    assert len(usages) == 4
    assert len(set(usages)) == 1
    assert "--older-than" in usages[0]


# ---------------------------------------------------------------- list and show


def test_list_prints_a_table_that_folds_instead_of_cutting(queue: FakeQueue) -> None:
    queue.park(envelope("fanout", change(9), reason="why " * 40 + "end", errorCode="AVeryLongErrorCodeOfSomeService"))
    result = run("list")
    assert "…" not in result.stdout
    assert "end" in result.stdout


def test_list_and_show_say_that_there_are_no_such_letters() -> None:
    for command in ("list", "show"):
        assert run(command, "--stage", "stream").stdout == "There are no such dead letters.\n"


def test_list_counts_by_stage_and_error_code() -> None:
    assert [(one["stage"], one["count"]) for one in answer("list")["groups"]] == [("fanout", 2), ("standings", 1)]


# ---------------------------------------------------------------- polling


def test_on_aws_reading_ends_with_a_long_poll_which_asks_every_server(queue: FakeQueue) -> None:
    answer("list")
    assert queue.waits_s == [1, 1]


def test_on_the_twin_reading_waits_for_nothing(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    use_stack(queue, monkeypatch, "http://127.0.0.1:4566")
    answer("list")
    assert queue.waits_s == [0, 0]


def test_an_endpoint_elsewhere_may_lead_to_aws_so_every_server_is_asked(
    queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stack(queue, monkeypatch, "https://vpce-1.sqs.us-east-1.vpce.amazonaws.com")
    answer("list")
    assert queue.waits_s == [1, 1]
