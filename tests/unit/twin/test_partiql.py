"""Which permission a PartiQL statement needs."""

import pytest

from scorecast.twin.partiql import action_of

TABLE = "arn:aws:dynamodb:us-east-1:1:table/scores"


@pytest.mark.parametrize(
    ("statement", "action", "arn"),
    [
        ("""INSERT INTO "scores" VALUE {'id': ?}""", "PartiQLInsert", TABLE),
        ("insert into scores value {'id': 'UPDATE x'}", "PartiQLInsert", TABLE),
        ('UPDATE "scores" SET "at" = ? WHERE "id" = ?', "PartiQLUpdate", TABLE),
        ('\n  DELETE FROM "scores" WHERE "id" = ?', "PartiQLDelete", TABLE),
        ('SELECT * FROM "scores" WHERE "id" = ?', "PartiQLSelect", TABLE),
        ('SELECT "FROM", b FROM "scores"."by-score" WHERE x = 1', "PartiQLSelect", f"{TABLE}/index/by-score"),
    ],
)
def test_the_action_is_the_verbs_on_the_table(statement: str, action: str, arn: str) -> None:
    assert action_of(statement, "us-east-1", "1") == (f"dynamodb:{action}", arn)


@pytest.mark.parametrize("statement", ["", "DROP TABLE scores", "EXISTS(SELECT 1)"])
def test_what_is_not_understood_needs_everything(statement: str) -> None:
    assert action_of(statement, "us-east-1", "1") == ("dynamodb:PartiQLSelect", "*")
