"""The table "In numbers" of both READMEs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bench.report.results import rows
from bench.report.tables import markdown


class Figure(NamedTuple):
    """One line: its label in English and in Chinese, our figure and the textbook's."""

    english: str
    chinese: str
    ours: str
    textbook: str


def english() -> str:
    """The table of README.md."""
    return markdown(["", "Scorecast", "textbook"], [[one.english, one.ours, one.textbook] for one in figures()])


def chinese() -> str:
    """The table of README.zh.md."""
    return markdown(["", "Scorecast", "教科书"], [[one.chinese, one.ours, one.textbook] for one in figures()])


def figures() -> Iterator[Figure]:
    """Yield the lines in the order of the data flow."""
    ours, textbook, *_ = rows("fanout", latency_ms=20, record_kb=0.5)
    yield Figure(
        "FanoutLambda, records a second, the bus answering in 20 ms",
        "FanoutLambda：总线 20 毫秒应答时，每秒记录数",
        f"{ours['records_a_second'][1]:,}",
        f"{textbook['records_a_second'][1]:,}",
    )
    yield Figure(
        "its CPU, microseconds a record",
        "每条记录的 CPU 微秒数",
        f"{ours['cpu_us_a_record'][1]}",
        f"{textbook['cpu_us_a_record'][1]}",
    )
    ours, textbook = rows("startup", bytecode="none", stage="fan-out")
    yield Figure(
        "its start-up without bytecode, ms",
        "没有字节码时的启动时间（毫秒）",
        f"{ours['milliseconds'][1]}",
        f"{textbook['milliseconds'][1]}",
    )
    ours, textbook = rows("pipeline")
    yield Figure(
        "the whole pipeline on the local twin, changes a second",
        "本地孪生上的整条管道：每秒变更数",
        f"{ours['changes_a_second'][1]:,}",
        f"{textbook['changes_a_second'][1]:,}",
    )
    [consumer] = rows("consumer", batch=100, repeats=0.0)
    [with_standing_events] = rows("announcements", what_happens="no top changes")
    yield Figure(
        "ConsumerLambda, AWS calls a change, at batches of 100, standing events included",
        "ConsumerLambda：每批 100 条时，每个变更的 AWS 调用次数（含名次事件）",
        f"{with_standing_events['all_calls_a_change']}",
        f"{consumer['textbook_calls_a_change']}",
    )
    yield Figure(
        "its write units a change, ranks included",
        "每个变更的写单位（含排名）",
        f"{consumer['write_units_a_change']}",
        f"{consumer['textbook_write_units_a_change']}",
    )
    [count] = rows("lookups-uniform", way="count", entries=100_000)
    [index] = rows("lookups-uniform", way="rank", entries=10_000_000)
    yield Figure(
        "a rank, read units: the index at 10,000,000 entries, beside COUNT at 100,000",
        "一次排名的读单位：索引在 10,000,000 条成绩时，对比 COUNT 在 100,000 条时",
        f"{index['units_median']}",
        f"{count['units_median']:,.0f}",
    )
    [written] = rows("writes", entries=10_000, batch=10)
    yield Figure(
        "what the index costs to write, units a change, at batches of 10, on a board of 10,000",
        "索引的写入开销：每批 10 条时，10,000 条成绩的榜上，每个变更多出的写单位",
        f"{written['extra_write_units']}",
        "0",
    )
