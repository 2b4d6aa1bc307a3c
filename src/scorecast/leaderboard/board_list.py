"""The lists of boards in the board table: which list a board is in, and how to read a list. Pure."""

from __future__ import annotations

from scorecast.leaderboard.expiry import expiry
from scorecast.leaderboard.policy import BoardPolicy, Item

# The collection that lists the boards, and the one that lists their copies. The boards that derive from a board are in
# collections that end in its name, one for periods and one for values of attributes.
BOARDS = "boards"
COPIES = "copies"
PERIODS = "periods/"
VALUES = "values/"


def board_key(board: str, policy: BoardPolicy) -> Item:
    """The key of the item that lists a board, beside the others that derive from its base."""
    if policy.copy_of:
        collection = COPIES
    else:
        collection = f"{VALUES if policy.attribute else PERIODS}{policy.base}" if policy.base else BOARDS
    return {"collection": {"S": collection}, "name": {"S": board}}


def board_item(board: str, policy: BoardPolicy) -> Item:
    """The item that lists a board; it has only its key and its expiry."""
    return board_key(board, policy) | expiry(policy.expires_at)


def collection_query(table: str, collection: str) -> Item:
    """Return the query of the items in a collection of the board table, sorted by name."""
    return {
        "TableName": table,
        "KeyConditionExpression": "#collection = :collection",
        "ExpressionAttributeNames": {"#collection": "collection"},
        "ExpressionAttributeValues": {":collection": {"S": collection}},
    }


def lists_a_board(collection: str) -> bool:
    """Whether the items of a collection list boards."""
    return collection in (BOARDS, COPIES) or collection.startswith((PERIODS, VALUES))
