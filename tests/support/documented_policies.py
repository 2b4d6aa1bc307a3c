"""The IAM policies that docs/security.md writes out for people, with the names of a stack put in."""

import json
import re
from typing import Any

from tests.support.deployed import ROOT

ACCOUNT = "000000000000"


def documented_policy(section: str, stack: str, main_table: str = "main", bus: str = "fanoutBus") -> dict[str, Any]:
    """Return the policy of a section, for a stack of the twin's account."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition(f"## {section}\n")[2]
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found
    policy = found[1]
    names = {"REGION": "us-east-1", "ACCOUNT": ACCOUNT, "STACK": stack, "MAIN_TABLE": main_table, "BUS": bus}
    for name, value in names.items():
        policy = re.sub(rf"(?<![A-Z_]){name}(?![A-Z_])", value, policy)
    # Names of buckets are in lower case.
    document: dict[str, Any] = json.loads(policy.replace(f"arn:aws:s3:::{stack}-", f"arn:aws:s3:::{stack.lower()}-"))
    return document


def without(policy: dict[str, Any], sid: str) -> dict[str, Any]:
    """Return the policy without one of its statements."""
    kept = [one for one in policy["Statement"] if one["Sid"] != sid]
    assert len(kept) == len(policy["Statement"]) - 1
    return policy | {"Statement": kept}
