"""Batches: cut a sequence into the calls that a service accepts, by number of items and by bytes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def cut_batches(
    items: Iterable[T],
    most_items: int,
    most_bytes: int | None = None,
    size_bytes: Callable[[T], int] = lambda _item: 0,
) -> Iterator[list[T]]:
    """Cut items into batches, in order; an item larger than `most_bytes` gets a batch of its own.

    >>> list(cut_batches("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    >>> list(cut_batches(["aa", "b", "cccc", "d"], 10, most_bytes=3, size_bytes=len))
    [['aa', 'b'], ['cccc'], ['d']]
    """
    batch: list[T] = []
    batch_bytes = 0
    for item in items:
        item_bytes = size_bytes(item)
        is_too_large = most_bytes is not None and batch_bytes + item_bytes > most_bytes
        if batch and (len(batch) == most_items or is_too_large):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += item_bytes
    if batch:
        yield batch
