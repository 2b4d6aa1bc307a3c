"""What a function's answer to a batch means. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


def failed_of(mapping: Mapping[str, Any], result: Mapping[str, Any], ids: Sequence[str]) -> list[str]:
    """Return which of the batch's ids failed, in their order; all if the function failed or its answer is malformed.

    An answer counts only if the mapping's FunctionResponseTypes say so. If it names no failures, all succeeded.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    if result.get("error"):
        return list(ids)
    answer = result.get("body")
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or ()) or answer is None:
        return []
    failures = (answer.get("batchItemFailures") or []) if isinstance(answer, dict) else None
    if not isinstance(failures, list):
        return list(ids)
    named = [one.get("itemIdentifier") if isinstance(one, dict) else None for one in failures]
    return [one for one in ids if one in named] if all(one in ids for one in named) else list(ids)
