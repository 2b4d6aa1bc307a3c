import pytest

from scorecast.api.cursor import Cursor, make_token, read_token
from scorecast.api.errors import ApiError

CURSOR = Cursor("p/名", "99.5", 3, 10)


def test_a_token_gives_its_cursor_back() -> None:
    assert read_token(make_token(CURSOR, "StarWar", "key"), "StarWar", "key") == CURSOR


def test_a_token_is_valid_for_its_board_and_its_stack_only() -> None:
    token = make_token(CURSOR, "StarWar", "key")
    for board, key in (("WarCraft", "key"), ("StarWar", "other")):
        with pytest.raises(ApiError, match="omit it"):
            read_token(token, board, key)


@pytest.mark.parametrize("token", ["x", "AAAA", "%%%", "名", "A" * 5000, "a" * 43 + "\n"])
def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_token(token, "StarWar", "key")
    assert (caught.value.status, caught.value.parameter) == (400, "next")


def test_a_token_with_one_character_changed_is_refused() -> None:
    token = make_token(CURSOR, "StarWar", "key")
    for at in range(0, len(token) - 1, 7):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(ApiError):
            read_token(changed, "StarWar", "key")
