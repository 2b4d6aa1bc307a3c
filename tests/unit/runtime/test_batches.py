"""Batches are cut by number and by bytes, keep the order, and lose nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scorecast.runtime.batches import cut_batches


@given(st.lists(st.integers(0, 12)), st.integers(1, 5), st.integers(1, 20))
def test_no_batch_exceeds_a_limit_or_could_take_the_next_item(sizes: list[int], most: int, most_bytes: int) -> None:
    batches = list(cut_batches(sizes, most, most_bytes, lambda size: size))
    assert [size for batch in batches for size in batch] == sizes
    assert all(len(batch) <= most and (sum(batch) <= most_bytes or len(batch) == 1) for batch in batches)
    for batch, following in pairwise(batches):
        assert len(batch) == most or sum(batch) + following[0] > most_bytes


def test_an_item_larger_than_a_batch_has_its_own() -> None:
    assert list(cut_batches(["a", "large", "b"], 10, 3, len)) == [["a"], ["large"], ["b"]]


def test_without_items_there_is_no_batch() -> None:
    assert list(cut_batches([], 10)) == []
