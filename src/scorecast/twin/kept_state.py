"""What the journal keeps of MiniStack: turns each service's state into rows, and rows back into state.

Items, stream records, messages, log streams, events for functions and records waiting for Firehose have rows of their
own. The rest of each service is one document, as MiniStack itself would save it.
"""

import json
import logging
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict
from ministack.services import cloudwatch_logs, dynamodb, firehose, lambda_svc, sqs

from scorecast.twin import async_invocations
from scorecast.twin.buffer import Buffer
from scorecast.twin.changed_rows import (
    AppendedRows,
    Compared,
    ComparedRows,
    Document,
    DocumentRows,
    Json,
    MarkedRows,
    Marks,
    ReplacedRows,
    Rows,
    items_of,
    load,
    name_owner,
    parts_of,
)
from scorecast.twin.journal import Journal
from scorecast.twin.patch import wrap

log = logging.getLogger("scorecast.twin.kept_state")

_DOCUMENTS = name_owner("documents")
_PENDING = name_owner("pending records")
_EVENTS = name_owner("waiting events")
# These services change all the time, and their states are small. The states of others are copied only if their stores
# changed.
_BUSY = {"dynamodb", "sqs", "cloudwatch_logs", "s3", "firehose", "eventbridge", "lambda", "scheduler"}

# A scope is an account, a region and a name.
Scoped = Iterator[tuple[tuple[str, str, str], Any]]


def separate_rows_from_documents() -> None:
    """MiniStack's states contain items, messages and logs; here these are rows, and a state has only the rest."""
    _separate(dynamodb, "tables", "items", dynamodb._INDEX_MEMBERS)
    wrap(dynamodb, "get_state", lambda get: {**get(), "_stream_trimmed": dynamodb._stream_trimmed})
    wrap(dynamodb, "load_persisted_state", _load_streams)
    _separate(sqs, "queues", "messages")
    _separate(cloudwatch_logs, "log_groups", "streams")


def _separate(service: Any, store: str, *apart: str) -> None:
    """Give a service's state all its stores, but without the parts of one store's records that are kept apart."""
    names = list(service.get_state())

    def get_state() -> Json:
        state = {name: getattr(service, f"_{name}") for name in names}
        rest = AccountRegionScopedDict()
        for scope, record in _all(state[store]):
            rest._data[scope] = {name: value for name, value in record.items() if name not in apart}
        return {**state, store: rest}

    service.get_state = get_state


_STREAM_STORES = ("_stream_records", "_stream_trimmed", "_closed_streams")


def _load_streams(original: Callable[[Json], None], state: Json) -> None:
    """MiniStack saves how far a mapping has read a stream, but not the stream: after a restart it skips new records."""
    original(state)
    for name in _STREAM_STORES:
        getattr(dynamodb, name).update(state.get(name, {}))


def rows_of(buffer: Buffer) -> tuple[MarkedRows, list[Rows]]:
    """Return the rows of everything that the engine keeps; the item rows must be notified of every write."""
    items = MarkedRows(lambda: ((name_owner("items", *scope), table) for scope, table in _all(dynamodb._tables)))
    return items, [
        items,
        AppendedRows(_streams, lambda record: record["dynamodb"]["SequenceNumber"]),
        ComparedRows(_closed_streams),
        ComparedRows(_messages),
        ComparedRows(_log_streams),
        ComparedRows(_waiting_events),
        ReplacedRows(_PENDING, lambda: _pending(buffer)),
        DocumentRows(_DOCUMENTS, _documents),
    ]


def read_state(journal: Journal, service: str) -> Json | None:
    """Return a service's state as MiniStack loads it; None if the journal has none."""
    document = journal.value(_DOCUMENTS, service)
    if document is None:
        return None
    state: Json = json.loads(document, object_hook=persistence._json_object_hook)
    if add_rows := _ADD_ROWS.get(service):
        add_rows(journal, state)
    return state


def _all(store: Any) -> Scoped:
    yield from list(store._data.items())


# ---------------------------------------------------------------- rows


def _streams() -> Iterator[tuple[str, list[Json]]]:
    for scope, records in _all(dynamodb._stream_records):
        # A recreated table has another stream.
        label = (dynamodb._tables._data.get(scope) or {}).get("LatestStreamLabel") or ""
        yield name_owner("stream", *scope, label), records


def _closed_streams() -> Iterator[Compared]:
    for scope, stream in _all(dynamodb._closed_streams):
        yield name_owner("closed stream", *scope), {"": stream["trimmed"]}, {"": stream}.__getitem__


def _messages() -> Iterator[Compared]:
    read_by_functions = _sources_of_functions()
    for scope, queue in _all(sqs._queues):
        messages = {message["id"]: message for message in list(queue["messages"])}
        marks: Marks
        if queue["attributes"]["QueueArn"] in read_by_functions:
            # After a start they are visible at once, so only the number of times that a message came back matters.
            marks = {
                key: message["receive_count"] > 1 and message["receive_count"] for key, message in messages.items()
            }
        else:
            # Receiving a message changes the time at which it becomes visible again.
            marks = {key: message["visible_at"] for key, message in messages.items()}
        yield name_owner("messages", *scope), marks, messages.__getitem__


def _log_streams() -> Iterator[Compared]:
    for scope, group in _all(cloudwatch_logs._log_groups):
        streams = dict(group["streams"])
        marks: Marks = {name: (len(stream["events"]), stream["lastIngestionTime"]) for name, stream in streams.items()}
        yield name_owner("logs", *scope), marks, streams.__getitem__


def _waiting_events() -> Iterator[Compared]:
    events = {event.request_id: event for event in async_invocations.waiting.all()}
    # Each attempt changes the time of the next one.
    yield _EVENTS, {key: event.due_at for key, event in events.items()}, lambda key: asdict(events[key])


def _pending(buffer: Buffer) -> Iterator[tuple[Any, Any]]:
    for each in buffer.pending():
        yield (each.number, len(each.records)), (each.stream["arn"], each.dest["id"], list(each.records))


# ---------------------------------------------------------------- documents


def _documents() -> Iterator[Document]:
    for name, get_state in app._build_persistence_save_dict().items():
        get_patiently = partial(_patiently, get_state)
        if name in _BUSY:
            state = get_patiently()
            yield name, _mark(state), partial(_text, state)
        elif service := sys.modules.get(f"ministack.services.{app._state_map[name]}"):
            yield name, _mark(_stores_of(service)), lambda get=get_patiently: _text(get())  # type: ignore[misc]


def _stores_of(service: Any) -> Json:
    return {name: value for name, value in vars(service).items() if isinstance(value, _STORES)}


_STORES = (AccountRegionScopedDict, AccountScopedDict)


def _mark(state: Any) -> bytes:
    try:
        return pickle.dumps(state)
    except (TypeError, AttributeError, pickle.PicklingError):
        return os.urandom(8)  # it has an object of this process, so only the text tells whether it changed


def _text(state: Json) -> str | None:
    """Return a state as MiniStack would save it; None if MiniStack could not save it either."""
    try:
        return json.dumps(state, default=persistence._json_default)
    except TypeError:
        log.exception("the state of a service cannot be saved")
        return None


def _patiently(get_state: Callable[[], Any], tries: int = 50) -> Any:
    for _ in range(tries):
        try:
            return get_state()
        except RuntimeError:  # dictionary changed size during iteration, by another thread
            time.sleep(0.002)
    return get_state()


# ---------------------------------------------------------------- back into MiniStack


def _add_items(journal: Journal, state: Json) -> None:
    for scope, table in _all(state["tables"]):
        table["items"] = items_of(journal.rows(name_owner("items", *scope)))
    state["_stream_records"], state["_closed_streams"] = AccountRegionScopedDict(), AccountRegionScopedDict()
    for owner in journal.owners():
        kind, *names = parts_of(owner)
        if kind == "stream":
            records = [load(value) for _, value in journal.rows(owner)]
            state["_stream_records"].set_scoped(*names[:3], records)
        elif kind == "closed stream":
            ((_, stream),) = journal.rows(owner)
            state["_closed_streams"].set_scoped(*names, load(stream))


def _add_messages(journal: Journal, state: Json) -> None:
    for scope, queue in _all(state["queues"]):
        queue["messages"] = [load(value) for _, value in journal.rows(name_owner("messages", *scope))]


def _add_log_streams(journal: Journal, state: Json) -> None:
    for scope, group in _all(state["log_groups"]):
        group["streams"] = {name: load(value) for name, value in journal.rows(name_owner("logs", *scope))}


_ADD_ROWS = {"dynamodb": _add_items, "sqs": _add_messages, "cloudwatch_logs": _add_log_streams}


def return_pending(journal: Journal, buffer: Buffer) -> None:
    """Give the buffer the records that waited for Firehose; call it when the streams are loaded."""
    streams = {stream["arn"]: stream for stream in firehose._streams._data.values()}
    for _, value in journal.rows(_PENDING):
        arn, destination_id, records = load(value)
        for destination in streams.get(arn, {}).get("destinations", []):
            if destination["id"] == destination_id:
                buffer.add(streams[arn], destination, records)


def return_waiting_events(journal: Journal) -> None:
    """Queue the events of asynchronous invocations again; call it when the functions are loaded."""
    for _, value in journal.rows(_EVENTS):
        async_invocations.waiting.put(async_invocations.Event(**load(value)))


def release_messages_of_functions() -> None:
    """Make the messages that functions were processing when the engine ended, and they with it, visible at once."""
    read_by_functions = _sources_of_functions()
    for _, queue in _all(sqs._queues):
        if queue["attributes"]["QueueArn"] in read_by_functions:
            for message in queue["messages"]:
                message["visible_at"] = min(message["visible_at"], time.time())


def _sources_of_functions() -> set[str]:
    return {mapping.get("EventSourceArn", "") for _, mapping in _all(lambda_svc._esms)}
