"""Keeps MiniStack's state in a journal while it runs, so that a kill loses at most the last second.

MiniStack itself saves only when it stops. Here a cut is made every 0.7 seconds if there were requests: the engine's
loop takes what changed since the last cut, and a thread writes it. Requests run in the same loop, so a cut falls
between two of them and is consistent: a queue has what was sent to it according to a stream's read position, and a
table has what left the queue.
"""

import asyncio
import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.services import dynamodb, lambda_svc, s3

from scorecast.twin.buffer import Buffer
from scorecast.twin.changed_rows import Json
from scorecast.twin.journal import FILE, Change, Cut, Journal
from scorecast.twin.kept_state import (
    read_state,
    release_messages_of_functions,
    return_pending,
    return_waiting_events,
    rows_of,
    separate_rows_from_documents,
)
from scorecast.twin.later_objects import LaterObjects, files_of
from scorecast.twin.patch import wrap

log = logging.getLogger("scorecast.twin.durability")

# Together with the time of a write, less than a second.
INTERVAL_S = 0.7
# How long a function may still change state after its last request, for example by ending.
QUIET_S = 5.0


class Keeper:
    """Makes cuts of the engine and writes them."""

    def __init__(self, folder: Path, buffer: Buffer) -> None:
        self.journal = Journal(folder / FILE)
        self.buffer = buffer
        self._later = LaterObjects(folder)
        last = self.journal.last_cut()
        self._number = last.number if last else 0
        # Nothing is in the journal yet.
        self.is_new = self._is_whole = last is None
        self._items, self._rows = rows_of(buffer)
        self._written: list[Path] = []
        self._active_until = 0.0
        self._ended = False
        self.has_cut = False
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    # What the engine reports.

    def note_request(self) -> None:
        self._active_until = time.monotonic() + QUIET_S

    def note_item(self, table: Json, pk: str, sk: str) -> None:
        self._items.mark(table, pk, sk)

    def note_object(self, path: Path) -> None:
        """Note that an object is about to be written to a file."""
        if not path.exists():
            self._later.note(self._number, path)

    def note_written(self, path: Path) -> None:
        """Note that an object was written to its file; the next cut is written only after the file is on the disk."""
        self._written.append(path)

    # Cuts.

    def adopt(self) -> None:
        """Assume that the journal has the engine's state, which was just loaded from it."""
        if not self._is_whole:
            for rows in self._rows:
                rows.adopt()

    def begin(self) -> None:
        """Make cuts from now on, in the running loop."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Make cuts until the end."""
        was_active = True
        while not self._ended:
            is_active = self._items.is_marked or time.monotonic() < self._active_until
            if is_active and (taken := self._try(self.take)):
                await asyncio.wrap_future(self._writer.submit(self._try, partial(self.write, *taken)))
            elif was_active:
                gc.collect()  # nobody is waiting now
            was_active = is_active
            await asyncio.sleep(INTERVAL_S)

    def end(self) -> None:
        """Make the last cut, write it and close the journal."""
        self._ended = True
        with self._writer:
            self._writer.submit(lambda: None).result()  # a cut that is being written
            self._writer.submit(self._try, lambda: self.write(*self.take()))
        self.journal.close()

    def _try(self, step: Callable[[], Any]) -> Any:
        """Run a step of a cut; if it fails, the next cut has the whole state."""
        try:
            return step()
        except Exception:
            log.exception("the state of the engine was not saved; the next cut saves all of it")
            self._is_whole = True
            self._items, self._rows = rows_of(self.buffer)

    def take(self) -> tuple[Cut, list[Change]]:
        """Make a cut: return what changed since the last one."""
        self.has_cut = True
        self._number += 1
        cut = Cut(self._number, time.time())
        return cut, [change for rows in self._rows for change in rows.changes()]

    def write(self, cut: Cut, changes: list[Change]) -> None:
        """Write a cut, after the objects that belong to it."""
        while self._written:
            for file in files_of(self._written.pop()):
                _flush(file)
        self.journal.write(cut, changes, is_whole=self._is_whole)
        self._is_whole = False
        self._later.forget(cut.number)


def _flush(path: Path) -> None:
    """Wait until a file is on the disk, if it exists."""
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


# ---------------------------------------------------------------- MiniStack


def keep_state_while_it_runs(buffer: Buffer) -> Keeper:
    """MiniStack saves its state only when it stops, and skips a service that changes while it is saved."""
    separate_rows_from_documents()
    keeper = Keeper(Path(persistence.STATE_DIR), buffer)
    wrap(app, "load_state", partial(_load_state, keeper))
    wrap(app, "_load_persisted_state", partial(_load_all, keeper))
    app.save_all = lambda _: _save_all(keeper)
    wrap(dynamodb, "_index_item", partial(_index_item, keeper))
    wrap(s3, "_persist_object", partial(_persist_object, keeper))
    wrap(lambda_svc, "_prune_orphan_code_blobs", partial(_prune_blobs, keeper))
    lambda_svc._write_code_blob = lru_cache(maxsize=8)(lambda_svc._write_code_blob)
    wrap(app, "app", partial(_serve, keeper))
    return keeper


def _load_state(keeper: Keeper, original: Callable[[str], Json | None], service: str) -> Json | None:
    # A twin of an earlier version has MiniStack's own files, from when it last stopped.
    return original(service) if keeper.is_new else read_state(keeper.journal, service)


def _load_all(keeper: Keeper, original: Callable[[], None]) -> None:
    """Load the state in the engine's loop, and begin to make cuts there."""
    with _without_collections():
        original()
    return_pending(keeper.journal, keeper.buffer)
    return_waiting_events(keeper.journal)
    release_messages_of_functions()
    keeper.adopt()
    keeper.begin()


@contextmanager
def _without_collections() -> Iterator[None]:
    """Make many long-lived objects without garbage collections, and exempt these objects from later ones."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _save_all(keeper: Keeper) -> None:
    """Save what is left when the engine stops."""
    # In a thread of its own, because S3 needs an event loop, and this thread's loop is busy with this call.
    flushing = threading.Thread(target=keeper.buffer.flush)
    flushing.start()
    flushing.join()
    keeper.end()


def _index_item(
    keeper: Keeper, original: Callable[..., None], table: Json, pk: str, sk: str, item: Json, add: bool
) -> None:
    """MiniStack calls this for every item that it writes or removes."""
    original(table, pk, sk, item, add=add)
    keeper.note_item(table, pk, sk)


def _persist_object(keeper: Keeper, original: Callable[..., None], bucket: str, key: str, record: Any) -> None:
    path = s3._object_disk_path(bucket, key)
    if path:
        keeper.note_object(Path(path))
    original(bucket, key, record)
    if path:
        keeper.note_written(Path(path))


def _prune_blobs(keeper: Keeper, original: Callable[[set[str]], None], named: set[str]) -> None:
    """Remove code that no function uses, but only before the first cut: later the journal may still name it."""
    if not keeper.has_cut:
        original(named)


async def _serve(keeper: Keeper, original: Callable[..., Any], *request: Any) -> None:
    keeper.note_request()
    await original(*request)
