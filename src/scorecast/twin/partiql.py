"""Which permission a PartiQL statement needs, as AWS asks for it. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
"""

import re

_STATEMENT = re.compile(
    r"""\s*(?:(?P<verb>INSERT)\s+INTO|(?P<verb2>UPDATE)|(?P<verb3>DELETE)\s+FROM|(?P<verb4>SELECT)\b.*?\bFROM)
        \s+"?(?P<table>[\w.-]+)"?(?:\."(?P<index>[\w.-]+)")?""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def action_of(statement: str, region: str, account: str) -> tuple[str, str]:
    """The IAM action and the ARN that running the statement needs; one that is not understood needs everything."""
    found = _STATEMENT.match(statement)
    if not found:
        return "dynamodb:PartiQLSelect", "*"
    verb = next(filter(None, found.group("verb", "verb2", "verb3", "verb4"))).capitalize()
    index = f"/index/{found['index']}" if found["index"] else ""
    return f"dynamodb:PartiQL{verb}", f"arn:aws:dynamodb:{region}:{account}:table/{found['table']}{index}"
