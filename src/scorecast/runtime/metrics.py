"""Metrics in CloudWatch's embedded metric format: lines on standard output from which CloudWatch Logs makes metrics.

They have the dimensions Stack and Function, and no data of a change. Without METRICS_STACK in the environment (the
template's parameter Metrics) nothing is written, because CloudWatch bills each metric by the month.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from scorecast.runtime.batches import cut_batches

NAMESPACE = "Scorecast"
# "Numeric array metric targets MUST NOT have more than 100 members."
ARRAY_VALUES = 100


def write_metrics(function: str, counts: Mapping[str, int], milliseconds: Mapping[str, Sequence[int]]) -> None:
    """Write the metrics of one invocation, if the stack has metrics switched on."""
    if stack := os.environ.get("METRICS_STACK"):
        dimensions = {"Stack": stack, "Function": function}
        # One call per line: Lambda's log makes each call an event of its own.
        for document in documents(dimensions, counts, milliseconds, time.time_ns() // 1_000_000):
            sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


def documents(
    dimensions: Mapping[str, str], counts: Mapping[str, int], milliseconds: Mapping[str, Sequence[int]], at_ms: int
) -> Iterator[dict[str, Any]]:
    """Make the documents: the first has the counts, and each has at most 100 values of a duration.

    >>> [document] = documents({"Stack": "fanout"}, {"Applied": 2}, {"BoardLagMs": [10, 20]}, 1_000)
    >>> document["Stack"], document["Applied"], document["BoardLagMs"]
    ('fanout', 2, [10, 20])
    >>> document["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    [{'Name': 'Applied', 'Unit': 'Count'}, {'Name': 'BoardLagMs', 'Unit': 'Milliseconds'}]
    """
    columns: list[list[dict[str, tuple[Any, str]]]] = [[{name: (count, "Count") for name, count in counts.items()}]]
    for name, values in milliseconds.items():
        columns.append([{name: (part, "Milliseconds")} for part in cut_batches(values, ARRAY_VALUES)])
    for parts in zip_longest(*columns, fillvalue={}):
        metrics = {name: metric for part in parts for name, metric in part.items()}
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[*dimensions]],
            "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
        }
        targets = {name: value for name, (value, _) in metrics.items()}
        yield {"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}, **dimensions, **targets}
