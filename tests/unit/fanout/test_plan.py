import json
from dataclasses import replace
from typing import Any

from scorecast.fanout.plan import (
    BATCH_BYTES,
    SOURCE_LEADERBOARD,
    SOURCE_OTHER,
    Publication,
    plan_calls,
    plan_waves,
    read_publication,
    size_bytes,
)
from tests.support.fakes import BUS, STREAM_ARN, item, record


def publication(**record_fields: Any) -> Publication:
    return read_publication(record(**record_fields), BUS)


def test_an_entry_carries_the_time_of_the_change_and_the_streams_arn() -> None:
    entry = publication(new=item()).entry
    assert entry["Time"] == 1586939176  # 2020-04-15T08:26:16Z
    assert entry["Resources"] == [STREAM_ARN]
    assert entry["EventBusName"] == "fanoutBus"
    assert entry["DetailType"] == "INSERT"
    assert json.loads(entry["Detail"])["id"] == "event-1"


def test_a_change_touches_a_leaderboard_if_the_score_is_or_was_there() -> None:
    assert publication(new=item()).entry["Source"] == SOURCE_LEADERBOARD
    assert publication(new=item(score=None), old=item()).entry["Source"] == SOURCE_LEADERBOARD
    assert publication(new=item(score=None)).entry["Source"] == SOURCE_OTHER


def test_the_size_counts_bytes_rather_than_characters() -> None:
    short, long = publication(new=item(name="ab")), publication(new=item(name="名前"))
    assert long.size_bytes - short.size_bytes == len("名前".encode()) - 2
    assert size_bytes(short.entry) == short.size_bytes


def test_a_wave_holds_one_change_of_an_item_and_keeps_their_order() -> None:
    made = [publication(new=item(participant), sequence=at) for at, participant in enumerate("abacab")]
    waves = [[one.change.sequence[-1] for one in wave] for wave in plan_waves(made)]
    assert waves == [["0", "1", "3"], ["2", "5"], ["4"]]


def test_batches_are_cut_at_ten_entries() -> None:
    wave = [publication(new=item(str(at))) for at in range(25)]
    assert [len(batch) for batch in plan_calls(wave)] == [10, 10, 5]


def test_batches_are_cut_by_bytes_and_an_oversized_entry_stands_alone() -> None:
    sizes = [100_000, 100_000, 100_000, 300_000, 1]
    wave = [replace(publication(new=item(str(at))), size_bytes=size) for at, size in enumerate(sizes)]
    batches = list(plan_calls(wave))
    assert [len(batch) for batch in batches] == [2, 1, 1, 1]
    assert all(sum(one.size_bytes for one in batch) <= BATCH_BYTES for batch in batches if len(batch) > 1)


def test_nothing_makes_no_batch() -> None:
    assert list(plan_calls([])) == []
    assert plan_waves([]) == []
