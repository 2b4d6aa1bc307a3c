"""Shapes that a rebuild makes: ranges of half their size, pages with room to grow, and every invariant."""

from dataclasses import replace
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.leaderboard.index.shape import (
    PAGE_RANGES,
    PART_ENTRIES,
    RANGE_ENTRIES,
    Move,
    Shape,
    build,
    cuts,
    starts_of,
)
from scorecast.leaderboard.index.table import id_text
from scorecast.leaderboard.order_key import HIGHEST, LOWEST

keys = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([1, 30, 150, 700])), max_size=60).map(
    lambda some: sorted(f"2{key:02}" for key, many in some for _ in range(many))
)


@given(keys)
def test_a_range_holds_half_of_its_most_or_a_little_more_and_a_key_with_many_ties_is_alone(
    sorted_keys: list[str],
) -> None:
    starts = starts_of(iter(sorted_keys))
    assert starts[0] == LOWEST
    assert starts == sorted(set(starts))
    for low, high in pairwise([*starts, HIGHEST]):
        inside = [key for key in sorted_keys if low <= key < high]
        many = {key for key in inside if inside.count(key) > PART_ENTRIES}
        assert not many or (set(inside) == many and len(many) == 1)
        assert many or len(inside) <= RANGE_ENTRIES / 2 + PART_ENTRIES


@given(keys, st.integers(1, 9))
def test_parts_of_a_range_are_cut_as_those_of_a_board_are(sorted_keys: list[str], parts: int) -> None:
    found = cuts(sorted_keys, "210", "230", parts)
    assert found == sorted(set(found))
    assert all("210" < cut < "230" for cut in found)


@pytest.mark.parametrize("ranges", [1, PAGE_RANGES, PAGE_RANGES + 1, 150, 5_000, 60_000])
def test_pages_cover_all_keys_and_have_room_to_grow(ranges: int) -> None:
    starts = [LOWEST, *(f"2{at:06}" for at in range(1, ranges))]
    numbers = count(1)
    root, pages = build(starts, map(id_text, numbers), 7)
    root._check()
    ranges_of = [page.ids for page in pages.values()] or [root.ids]
    assert sum(map(len, ranges_of)) == ranges
    assert len({one for ids in ranges_of for one in ids} | set(pages)) == ranges + len(pages) == next(numbers) - 1
    assert bool(pages) == (ranges > PAGE_RANGES) == root.is_inner
    ends = [*root.starts[1:], HIGHEST]
    for (one, page), low, high in zip(pages.items(), root.starts, ends, strict=root.is_inner):
        page._check()
        assert (page.low, page.high, page.version, root.id_at(low)) == (low, high, 7, one)
        assert len(page.ids) <= 0.8 * max(PAGE_RANGES, len(pages))


SOUND = Shape(3, (LOWEST, "21", "22"), ("A", "B", "C"), "25", Move("21", "25", ("9", "8")))


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 0},
        {"starts": (LOWEST, "22", "21")},
        {"starts": (LOWEST, "21", "25")},
        {"starts": (LOWEST, "21")},
        {"ids": ("A", "B", "A")},
        {"ids": ("A", "B", "9")},
        {"ids": ("A", "B", "at")},
        {"ids": ("A", "B", "")},
        {"ids": ("A", "B", "É")},
        {"move": Move("20", "25", ("9",))},
        {"move": Move("21", "24", ("9",))},
        {"move": Move("22", "21", ("9",))},
        {"is_inner": True},
    ],
)
def test_a_shape_that_no_process_makes_is_not_sound(changed: dict[str, object]) -> None:
    assert SOUND.is_sound
    assert Shape().is_sound
    assert not replace(SOUND, **changed).is_sound  # type: ignore[arg-type]
