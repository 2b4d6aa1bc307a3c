"""What a failing property test prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers())
def fails_from_a_thousand_on(number: int) -> None:
    assert number < 1000


def test_a_failing_property_test_prints_its_counterexample() -> None:
    with pytest.raises(AssertionError) as failure:
        fails_from_a_thousand_on()
    assert "number=1000," in "\n".join(failure.value.__notes__)
