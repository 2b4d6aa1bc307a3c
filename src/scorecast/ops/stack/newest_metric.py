"""The newest value of a metric in CloudWatch, which has one value per minute, some minutes late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

_MINUTES = 10


class _CloudWatch(Protocol):
    def get_metric_statistics(self, **request: Any) -> dict[str, Any]: ...


def newest_maximum(cloudwatch: _CloudWatch, namespace: str, metric: str, dimensions: Mapping[str, str]) -> float | None:
    """Return the newest maximum of a metric, or None if CloudWatch has none from the last minutes."""
    now = datetime.now(UTC)
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=_MINUTES),
        EndTime=now,
        Period=60,
        Statistics=["Maximum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: str(point["Timestamp"]))
    return float(points[-1]["Maximum"]) if points else None
