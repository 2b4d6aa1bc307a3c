"""The table "In numbers" of both READMEs, from bench/results/; `python -m bench.report.regenerate` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.report.measured import rows


@dataclass(frozen=True)
class Number:
    """One line: what it says, in English and Chinese, our figure and the textbook's."""

    english: str
    chinese: str
    ours: str
    theirs: str


def numbers() -> Iterator[Number]:
    """Every line, in the order of the data's way."""
    ours, theirs, *_ = rows("fanout", latency_ms=20, record_kb=0.5)
    yield Number(
        "FanoutLambda, records a second, the bus answering in 20 ms",
        "FanoutLambda：总线 20 毫秒应答时，每秒记录数",
        f"{ours['records_a_second'][1]:,}",
        f"{theirs['records_a_second'][1]:,}",
    )
    yield Number(
        "its CPU, microseconds a record",
        "每条记录的 CPU 微秒数",
        f"{ours['cpu_us_a_record'][1]}",
        f"{theirs['cpu_us_a_record'][1]}",
    )
    start, textbook_start = rows("startup", bytecode="none", stage="fan-out")
    yield Number(
        "its start-up without bytecode, ms",
        "没有字节码时的启动时间（毫秒）",
        f"{start['milliseconds'][1]}",
        f"{textbook_start['milliseconds'][1]}",
    )
    pipeline, textbook_pipeline = rows("pipeline")
    yield Number(
        "the whole pipeline on the local twin, changes a second",
        "本地孪生上的整条管道：每秒变更数",
        f"{pipeline['changes_a_second'][1]:,}",
        f"{textbook_pipeline['changes_a_second'][1]:,}",
    )
    [consumer] = rows("consumer", batch=100, repeats=0.0)
    [usual] = rows("announcements", what_happens="no top changes")
    yield Number(
        "ConsumerLambda, AWS calls a change, at batches of 100",
        "ConsumerLambda：每批 100 条时，每个变更的 AWS 调用次数",
        f"{usual['all_calls_a_change']}",
        f"{consumer['textbook_calls_a_change']}",
    )
    yield Number(
        "its write units a change, ranks included",
        "每个变更的写单位（含排名）",
        f"{consumer['write_units_a_change']}",
        f"{consumer['textbook_write_units_a_change']}",
    )
    [count] = rows("lookups-uniform", way="count", entries=100_000)
    [million] = rows("lookups-uniform", way="index", entries=1_000_000)
    yield Number(
        "a rank, read units: the index at 1,000,000 entries, beside COUNT at 100,000",
        "一次排名的读单位：索引在 1,000,000 条成绩时，对比 COUNT 在 100,000 条时",
        f"{million['units_median']}",
        f"{count['units_median']:,.0f}",
    )
    [extra] = rows("writes-uniform", batch=50)
    yield Number(
        "what the index costs to write, units a change, at batches of 50",
        "索引的写入开销：每批 50 条时，每个变更多出的写单位",
        f"{extra['extra_write_units']}",
        "0",
    )


def table(language: str) -> str:
    """The table in Markdown; `language` is en or zh."""
    head = {"en": "| | Scorecast | textbook |", "zh": "| | Scorecast | 教科书 |"}[language]
    labels = ((one.english if language == "en" else one.chinese, one) for one in numbers())
    lines = [f"| {label} | {one.ours} | {one.theirs} |" for label, one in labels]
    return "\n".join([head, "| --- | ---: | ---: |", *lines]) + "\n"
