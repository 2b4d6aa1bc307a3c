"""The check of the boards' policies."""

from __future__ import annotations

from scorecast.errors import CannotRead
from scorecast.ops.boards.policies import policies_of
from scorecast.ops.doctor.finding import Verdict, fault
from scorecast.ops.doctor.system import System


def check_policies(system: System) -> Verdict:
    """Every policy can be read; ConsumerLambda applies no changes of a board whose policy it cannot read."""
    try:
        policies = policies_of(system.stack).all()
    except CannotRead as error:
        return fault(str(error).rstrip("."), "`scorecast boards set BOARD` writes it again.")
    return Verdict(f"{len(policies):,} boards have one" if policies else "no board has one")
