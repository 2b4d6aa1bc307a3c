"""What AWS refuses: the error's code and its words."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """Expect a call to be refused with this code, in words that contain these."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"].endswith(code)
    assert words in error["Message"]
