"""When items expire."""

import pytest

from scorecast.leaderboard.expiry import expiring, expiry, has_expired

AT = {"expiresAt": {"N": "100"}}


@pytest.mark.parametrize(("now", "expected"), [(99.9, False), (100.0, True), (1e9, True)])
def test_an_item_has_expired_from_its_time_on(now: float, *, expected: bool) -> None:
    assert has_expired(AT, now) is expected


def test_an_item_without_a_time_never_expires() -> None:
    assert expiry(None) == {}
    assert not has_expired({}, 1e12)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("SET #at = :at ADD #n :1", "SET #expires = :expires, #at = :at ADD #n :1"),
        ("ADD #n :1", "SET #expires = :expires ADD #n :1"),
        ("REMOVE #a, #b", "SET #expires = :expires REMOVE #a, #b"),
    ],
)
def test_an_update_also_says_when_its_item_expires(expression: str, expected: str) -> None:
    update = {"UpdateExpression": expression, "ExpressionAttributeNames": {"#n": "n"}}
    assert expiring(update, None) is update
    made = expiring(update, 100)
    assert made["UpdateExpression"] == expected
    assert made["ExpressionAttributeNames"] == {"#n": "n", "#expires": "expiresAt"}
    assert made["ExpressionAttributeValues"] == {":expires": {"N": "100"}}
