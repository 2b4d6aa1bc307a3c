import hashlib
import hmac
from base64 import urlsafe_b64encode
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from scorecast.api.cursor import Cursor, make_token, read_token, sign_next
from scorecast.api.errors import ApiError
from scorecast.api.parameters import LIMIT_MAX, TOKEN_CHARACTERS
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.order_key import tie_order
from scorecast.leaderboard.policy import Order

CURSOR = Cursor("p/名", "99.5", 3)
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
# It is less than API Gateway allows for the request line and all headers together: 10,240 bytes.
URL_BYTES = 8192
HOST = "https://0123456789.execute-api.ap-northeast-1.amazonaws.com/Prod"

# DynamoDB may write its smallest number with 38 digits without an exponent.
LONGEST_SCORE = f"-0.{'0' * 129}{'9' * 38}"
LONGEST_TIE = tie_order(Decimal(LONGEST_SCORE), Order.DESCENDING, "2026-01-01T00:00:00.123456Z", "9" * 40)


@pytest.mark.parametrize(
    "cursor", [CURSOR, Cursor("line\n\n2", "-1E-130", 1, LONGEST_TIE), Cursor("\0", LONGEST_SCORE, 10**12)]
)
def test_a_token_gives_its_cursor_back(cursor: Cursor) -> None:
    assert read_token(make_token(cursor, "StarWar", "key"), "StarWar", "key") == cursor


@pytest.mark.parametrize("character", ["é", "\0", '"', "\\", "名", "😀", "%", "\n", "a"])
def test_any_entry_can_be_paged_past(character: str) -> None:
    participant = character * (ID_BYTES // len(character.encode()))
    board = character * (BOARD_BYTES // len(character.encode()))
    token = make_token(Cursor(participant, LONGEST_SCORE, 10**12, LONGEST_TIE), board, "key")
    assert len(token) <= TOKEN_CHARACTERS
    query = urlencode({"hackathonName": board, "limit": LIMIT_MAX, "next": token})
    assert len(f"{HOST}/leaderBoard/?{query}") <= URL_BYTES
    # Nothing in a token has to be percent-encoded.
    assert urlencode({"next": token}) == f"next={token}"


@pytest.mark.parametrize("character", ["é", "\0", '"', "名", "a"])
def test_any_board_of_a_list_can_be_paged_past(character: str) -> None:
    participant = character * (ID_BYTES // len(character.encode()))
    board = character * (BOARD_BYTES // len(character.encode()))
    token = sign_next([board, "next"], 1, f"participant/{participant}", "key")["next"]
    path = urlencode({"": participant}).removeprefix("=")
    query = urlencode({"limit": LIMIT_MAX, "next": token})
    assert len(token) <= TOKEN_CHARACTERS
    assert len(f"{HOST}/participants/{path}?{query}") <= URL_BYTES
    assert len(f"{HOST}/leaderBoard/?{query}") <= URL_BYTES


def test_a_longest_path_fits_into_a_request_to_api_gateway() -> None:
    """It leaves the headers 950 bytes. CloudFront in front of the API takes shorter ones only."""
    line = f"GET /Prod/leaderBoard/{'%00' * BOARD_BYTES}/participants/{'%00' * ID_BYTES}?neighbours=25 HTTP/1.1"
    assert len(line) <= 10_240 - 950


def test_a_token_of_an_earlier_version_is_refused() -> None:
    body = b'["2","70",2,2,""]'
    signature = hmac.digest(b"key", b"StarWar\0" + body, hashlib.sha256)[:16]
    with pytest.raises(ApiError, match="omit it"):
        read_token(urlsafe_b64encode(signature + body).decode().rstrip("="), "StarWar", "key")


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
