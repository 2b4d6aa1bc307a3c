from functools import partial
from threading import Barrier

import pytest

from scorecast.runtime.together import CALLS, together


def test_results_are_in_the_order_of_the_calls() -> None:
    assert together(partial(int, str(number)) for number in range(50)) == list(range(50))
    assert together([]) == []


def test_calls_are_made_at_the_same_time() -> None:
    all_there = Barrier(5, timeout=10)
    assert sorted(together([all_there.wait] * 5)) == [0, 1, 2, 3, 4]


def test_the_first_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        together([partial(divmod, 1, 1), partial(divmod, 1, 0), partial(int, "no number")])


def test_calls_that_make_more_calls_than_there_are_threads_end() -> None:
    inner = [partial(sum, [number]) for number in range(2 * CALLS)]
    assert together([partial(together, inner)] * 3 * CALLS) == [list(range(2 * CALLS))] * 3 * CALLS
