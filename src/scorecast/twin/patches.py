"""Patches of MiniStack, where this system relies on AWS's behaviour and MiniStack behaves differently.

The engine's process calls `apply()` once, before it starts. Each patch is a function whose docstring says what
MiniStack does without it. docs/twin.md lists the patches with their tests, and the differences that remain.
"""

import contextvars
import json
import logging
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from ministack import app
from ministack.core.responses import json_response, new_uuid
from ministack.services import apigateway_v1, dynamodb, eventbridge, firehose, sqs
from ministack.services.cloudformation import engine, provisioners, stacks

from scorecast.twin import (
    consumed_capacity,
    destinations,
    event_limits,
    event_patterns,
    fast_json,
    function_limits,
    function_patches,
    iam_patches,
    needless_work,
    operands,
    rule_targets,
    table_limits,
    table_refusals,
)
from scorecast.twin.buffer import Buffer, Records, is_plain, make_body
from scorecast.twin.durability import keep_state_while_it_runs
from scorecast.twin.patch import holding, wrap
from scorecast.twin.sorted_indexes import keep_indexes_sorted
from scorecast.twin.sorted_tables import keep_tables_sorted

log = logging.getLogger("scorecast.twin.patches")

Json = dict[str, Any]
Response = tuple[int, Json, bytes]


def apply() -> None:
    """Apply every patch; call it once, before ministack.app.main()."""
    buffer_firehose_records()
    keep_event_time()
    keep_paths_encoded()
    import_routes_for_any_method()
    tell_functions_the_key()
    keep_queue_urls_on_any_port()
    draw_new_names()
    transform_nested_templates()
    set_up_tables_completely()
    function_patches.apply()
    iam_patches.apply()
    destinations.judge_deliveries_once()
    rule_targets.apply()
    event_limits.apply()
    event_patterns.apply()
    function_limits.apply()
    apply_to_tables()
    needless_work.apply()
    fast_json.apply()
    keep_state_while_it_runs(_buffer)


def apply_to_tables() -> None:
    """Apply the patches of DynamoDB's answers, which tests compare with other engines."""
    read_expressions_once()
    take_attributes_for_no_types()
    table_limits.apply()
    table_refusals.apply()
    operands.apply()
    keep_indexes_sorted()
    keep_tables_sorted()
    consumed_capacity.apply()


# ---------------------------------------------------------------- updates of DynamoDB


def take_attributes_for_no_types() -> None:
    """If an item has an attribute called M, like the type of a map, MiniStack applies updates inside that attribute.

    It also sets a part of an attribute that cannot have parts, such as a text, or is missing; AWS refuses that.
    """
    for name in ("_set_at_path", "_remove_at_path"):
        wrap(dynamodb, name, _at_path)


_in_path = contextvars.ContextVar("in_path", default=False)


def _at_path(original: Callable[..., None], item: Json, path: list[Any], *value: Any) -> None:
    """Pass the item to MiniStack as a typed map; its nested calls for parts of the item are not changed."""
    if _in_path.get():
        original(item, path, *value)
        return
    if value:
        table_refusals.check_path(item, path)
    with holding(_in_path, True):
        original({"M": item}, path, *value)


# ---------------------------------------------------------------- Firehose: many records an object


def _write_object(stream: Json, dest: Json, records: Records) -> None:
    """Write the records as one S3 object."""
    config = dest["config"]
    processed = firehose._apply_lambda_processors(stream, dest, records)
    if processed:
        if config.get("CompressionFormat") == "GZIP":
            dest = {**dest, "config": {"FileExtension": ".gz", **config}}
        firehose._deliver_to_s3(stream, dest, make_body(processed, config))


_buffer = Buffer(_write_object)


def buffer_firehose_records() -> None:
    """MiniStack writes an object for each record, without delimiter or compression, and keeps every record."""
    wrap(firehose, "_deliver_records_to_s3", _deliver_records)


def _deliver_records(original: Callable[..., None], stream: Json, dest: Json, records: Records) -> None:
    # MiniStack keeps every record here for its own tests, and would save all of them with its state.
    dest["records"].clear()
    if is_plain(dest["config"]):
        _buffer.add(stream, dest, records)
    else:
        original(stream, dest, records)


# ---------------------------------------------------------------- EventBridge: the event's own time

_event_time: contextvars.ContextVar[float | None] = contextvars.ContextVar("event_time", default=None)


def keep_event_time() -> None:
    """MiniStack sets every event's time to now; on AWS an entry's Time becomes the event's time."""
    wrap(eventbridge, "_now_ts", lambda now: _event_time.get() or now())
    wrap(eventbridge, "_put_events", _put_events)


def _put_events(original: Callable[..., Response], data: Json, allow_aws_source: bool = False) -> Response:
    entries = data.get("Entries", [])
    if len(entries) > 10:
        return original(data, allow_aws_source)  # rejected as a whole
    answers = []
    for entry in entries:
        with holding(_event_time, _seconds(entry.get("Time"))):
            _, _, body = original({**data, "Entries": [entry]}, allow_aws_source)
        answers.append(json.loads(body))
    results = [result for answer in answers for result in answer["Entries"]]
    response: Response = json_response(
        {"FailedEntryCount": sum(answer["FailedEntryCount"] for answer in answers), "Entries": results}
    )
    return response


def _seconds(value: object) -> float | None:
    """Convert a number of seconds, as SDKs send it, or an ISO 8601 text, as the CLI's JSON may have it."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    return float(value) if isinstance(value, (int, float)) else None


# ---------------------------------------------------------------- DynamoDB: conditions


def read_expressions_once() -> None:
    """MiniStack parses a condition again for every item that it tests, which takes most of a query's time."""
    tokenize = lru_cache(maxsize=1024)(dynamodb._tokenize)
    dynamodb._tokenize = lambda expression: list(tokenize(expression))
    dynamodb._condition_syntax_error = lru_cache(maxsize=1024)(dynamodb._condition_syntax_error)


# ---------------------------------------------------------------- API Gateway: encoded paths


def keep_paths_encoded() -> None:
    """MiniStack decodes a REST API's path, so %2F splits a segment; AWS passes the path on as it was sent."""
    wrap(app, "_handle_execute_api_request", _handle_execute_api_request)


async def _handle_execute_api_request(
    original: Callable[..., Any], host: str, path: str, *args: Any, raw_path: str | None = None, **kwargs: Any
) -> Any:
    parsed = app._parse_execute_api_url(host, path)
    is_rest = parsed is not None and apigateway_v1.find_api_scope(parsed[0]) is not None
    return await original(host, raw_path if is_rest and raw_path else path, *args, raw_path=raw_path, **kwargs)


def import_routes_for_any_method() -> None:
    """MiniStack ignores x-amazon-apigateway-any-method, which is how SAM writes the method ANY."""
    apigateway_v1._OPENAPI_HTTP_METHODS.add("any")
    wrap(apigateway_v1, "_import_path_item", _import_path_item)


def _import_path_item(original: Callable[..., None], api_id: str, path: str, item: Json, *rest: Any) -> None:
    original(api_id, path, {method.replace(_ANY_METHOD, "any"): one for method, one in item.items()}, *rest)


_ANY_METHOD = "x-amazon-apigateway-any-method"


def tell_functions_the_key() -> None:
    """MiniStack checks a request's API key, but does not tell the function which key it is; AWS does."""
    wrap(apigateway_v1, "_check_api_key", _check_api_key)
    wrap(apigateway_v1, "_build_lambda_event_v1", _build_lambda_event)


_api_key: contextvars.ContextVar[Json | None] = contextvars.ContextVar("_api_key", default=None)


def _check_api_key(original: Callable[..., Any], *args: Any) -> Any:
    error, key = original(*args)
    _api_key.set(key)
    return error, key


def _build_lambda_event(original: Callable[..., Json], *args: Any, **kwargs: Any) -> Json:
    event = original(*args, **kwargs)
    if key := _api_key.get():
        event["requestContext"]["identity"] |= {"apiKey": key["value"], "apiKeyId": key["id"]}
    return event


# ---------------------------------------------------------------- SQS: the same queues on another port


def keep_queue_urls_on_any_port() -> None:
    """MiniStack finds a queue by a URL that includes the port, so a restart on another port would lose every queue."""
    sqs.DEFAULT_PORT = "4566"
    sqs._CANONICAL_NETLOC = f"{sqs.DEFAULT_HOST}:{sqs.DEFAULT_PORT}"


# ---------------------------------------------------------------- CloudFormation: names and settings


def draw_new_names() -> None:
    """MiniStack gives a stack that is created again its old names, so a retained table would be emptied and reused."""
    wrap(stacks, "_provision_resource", _provision_resource)


def _provision_resource(original: Callable[..., Any], *args: Any) -> Any:
    if not provisioners._NAME_SEED.get():
        provisioners._NAME_SEED.set(new_uuid()[:8])
    return original(*args)


def transform_nested_templates() -> None:
    """MiniStack runs SAM's transform on a stack's template, but not on the template of a nested stack."""
    wrap(provisioners, "_check_nested_stack_capabilities", _check_and_transform)


def _check_and_transform(original: Callable[..., None], parent: str, template: Json) -> None:
    original(parent, template)
    transformed = engine._apply_transforms(template)
    template.clear()
    template.update(transformed)


def set_up_tables_completely() -> None:
    """MiniStack's CloudFormation creates tables without expiry and point-in-time recovery."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    handlers["create"] = partial(_create_table, handlers["create"])


def _create_table(original: Callable[..., Any], logical_id: str, props: Json, stack_name: str) -> Any:
    name, attributes = original(logical_id, props, stack_name)
    if expiry := props.get("TimeToLiveSpecification"):
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": expiry})
    if recovery := props.get("PointInTimeRecoverySpecification"):
        dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": recovery})
    return name, attributes
