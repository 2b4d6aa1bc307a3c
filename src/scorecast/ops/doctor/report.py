"""The report for Scorecast's maintainers: what only AWS can confirm (docs/verified.md), answered point by point.

It has numbers and states, but no names, ids or account numbers: answers are fixed sentences, and every name in the
stack's resources and outputs is redacted at the end.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from scorecast.ops.boards.api_client import ApiClient
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.doctor.finding import Finding, State
from scorecast.ops.doctor.system import System
from scorecast.ops.doctor.triggers import stream_batch

NOT_ASKED = "not checked"
# The most letters that are read for the report.
MOST_LETTERS = 1_000
_PERCENT = "canary%41"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the answers are based on; None where nothing was seen."""

    seconds: dict[str, float]
    stages: Counter[str]
    batch: tuple[int, int] | None = None
    path_is_encoded: bool | None = None
    ending: str | None = None


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """One point of docs/verified.md: words from it, the point as a question, and the answer."""

    about: str
    ask: str
    answer: Callable[[Evidence], str]


def _letters(stage: str) -> Callable[[Evidence], str]:
    def answer(evidence: Evidence) -> str:
        count = evidence.stages[stage]
        unknown = evidence.stages["unknown"]
        return f"{count} such dead letters could be read now; {unknown} were of no known form"

    return answer


def _delimiter(evidence: Evidence) -> str:
    if evidence.ending is None:
        return f"{NOT_ASKED}: no object of the backup was seen"
    return "yes, a newline" if evidence.ending == "\n" else f"no, events end in {evidence.ending!r}"


def _window(evidence: Evidence) -> str:
    if evidence.batch is None:
        return f"{NOT_ASKED}: the trigger was not seen"
    size, window_s = evidence.batch
    return f"the trigger exists with batches of {size} and a window of {window_s} s"


def _path(evidence: Evidence) -> str:
    if evidence.path_is_encoded is None:
        return f"{NOT_ASKED}: the API did not answer the question"
    return "percent-encoded" if evidence.path_is_encoded else "decoded"


def _index(evidence: Evidence) -> str:
    if "board" not in evidence.seconds or "index" not in evidence.seconds:
        return f"{NOT_ASKED}: the canary did not come to the board"
    lag_s = max(0.0, evidence.seconds["index"] - evidence.seconds["board"])
    return f"the entry was in the index {lag_s:.2f} s after the table or sooner, as far as polling shows"


def _latency(evidence: Evidence) -> str:
    if not evidence.seconds:
        return f"{NOT_ASKED}: no canary"
    return "one item: " + ", ".join(f"{step} {seconds:.2f} s" for step, seconds in evidence.seconds.items())


def _never(reason: str) -> Callable[[Evidence], str]:
    return lambda _: f"{NOT_ASKED}: {reason}"


QUESTIONS = (
    OpenPoint(
        "Retries, halving and limits of the stream's trigger",
        "Do the trigger's limits work together, and is its message of the known form?",
        _letters("stream"),
    ),
    OpenPoint(
        "Which error codes EventBridge gives a dead letter",
        "Do the dead letters of rules have the known attributes?",
        _letters("delivery"),
    ),
    OpenPoint("Firehose reads the delimiter", "Does Firehose read the delimiter as a newline?", _delimiter),
    OpenPoint(
        "a stream mapping with batches above 10 also needs a window",
        "Does a stream mapping with batches above 10 need a window too?",
        _window,
    ),
    OpenPoint(
        "a path segment reaches LeaderGet percent-encoded or decoded",
        "Does a path segment reach LeaderGet percent-encoded or decoded?",
        _path,
    ),
    OpenPoint("the index by score lags behind the table", "How far does the index lag behind the table?", _index),
    OpenPoint(
        "That the [deployers' policy]",
        "Is the deployers' policy enough for sam deploy?",
        _never("doctor deploys nothing"),
    ),
    OpenPoint(
        "`events:TargetArn` does not allow",
        "Is PutTargets refused for a target of another prefix?",
        _never("doctor makes no rule"),
    ),
    OpenPoint(
        "requires `iam:PassRole`",
        "Does giving a rule ConsumerTargetRole require iam:PassRole?",
        _never("doctor makes no rule"),
    ),
    OpenPoint(
        "the API answers 429",
        "Does the API answer 429 beyond its throttling?",
        _never("doctor does not load the API"),
    ),
    OpenPoint(
        "a number beyond 64 bits",
        "Does PutEvents take a number beyond 64 bits if it has an exponent?",
        _never("the canary has no such number"),
    ),
    OpenPoint(
        "That Scheduler sends `aws:SourceAccount`",
        "Do Scheduler and EventBridge name the account when they assume a role?",
        _never("doctor sees no request of theirs"),
    ),
    OpenPoint(
        "a FIFO queue too gets its message group from a path",
        "Does a FIFO queue get its message group from the event?",
        _never("doctor makes no rule"),
    ),
    OpenPoint(
        "What CloudFront does",
        "Does CloudFront cache as the template says?",
        _never("doctor asks the API itself"),
    ),
    OpenPoint(
        "That a nested stack of a [CDK app]",
        "Do a CDK app and the Serverless Application Repository deploy the template?",
        _never("doctor deploys nothing"),
    ),
    OpenPoint("run in Athena", "Do the queries of the backup run in Athena?", _never("doctor makes no query")),
    OpenPoint("Latency, throughput and cost", "How long does one item take?", _latency),
)


def gather(
    system: System, api: ApiClient, steps: Iterable[Finding], ending: str | None, letters: LetterQueue
) -> Evidence:
    """Collect what the answers need besides the canary's steps."""
    seconds = {
        step.name.removeprefix("canary: "): step.seconds
        for step in steps
        if step.seconds is not None and step.state is State.OK
    }
    return Evidence(seconds, _stages(letters), stream_batch(system), _is_encoded(api), ending)


def write_report(system: System, findings: Sequence[Finding], evidence: Evidence) -> str:
    """Return the report as Markdown."""
    target = system.stack.target
    lines = [
        "# scorecast doctor",
        "",
        f"scorecast {version('scorecast')} on {target.engine}, {system.bus.region}, {datetime.now(UTC):%Y-%m-%d}",
        "",
        "## What only AWS can confirm",
        "",
        *(f"{at}. {question.ask} {_sentence(question.answer(evidence))}" for at, question in enumerate(QUESTIONS, 1)),
        "",
        "## Checks",
        "",
        "| check | result |",
        "| --- | --- |",
        *(f"| {finding.name} | {finding.state} |" for finding in findings),
    ]
    return anonymous("\n".join(lines) + "\n", system)


def anonymous(text: str, system: System) -> str:
    """Redact the stack's names, ids and account numbers, and every ARN and every number of 12 digits."""
    stack = system.stack
    names = {*system.resources.values(), *stack.outputs.values(), stack.name, system.bus.account}
    parts = {part for name in names for part in re.split(r"[:/|?]", name)}
    # A part of a name may be a common word, such as `function`; names made by CloudFormation or a user have a digit or
    # a hyphen. The region may stay.
    parts = {part for part in parts if len(part) >= 8 and re.search(r"\d|-", part)}
    for name in sorted((names | parts) - {system.bus.region, ""}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "...", text)
    return re.sub(r"arn:\S+|(?<!\d)\d{12}(?!\d)", "...", text)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _is_encoded(api: ApiClient) -> bool | None:
    """Request a board whose name has a percent sign; the refusal names the board as it arrived."""
    _, body = api.fetch(f"{api.url}leaderBoard/{quote(_PERCENT, safe='')}/participants/nobody")
    text = body.decode(errors="replace")
    return True if _PERCENT in text else False if "canaryA" in text else None


def _stages(letters: LetterQueue) -> Counter[str]:
    stages: Counter[str] = Counter()
    with letters as queue:
        for batch in queue.batches():
            stages.update(letter.stage for letter in batch)
            if stages.total() >= MOST_LETTERS:
                break
    return stages


def ending_of(s3: Any, bucket: str, key: str) -> str:
    """Return what follows the last event of an object of the backup."""
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    text = (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode()
    return text[text.rfind("}") + 1 :]
