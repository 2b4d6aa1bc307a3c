"""The policies of a batch's boards. One that cannot be read, or is not usable, does not hold up other boards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import iso_now
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import code_of
from scorecast.runtime.logs import logger


def read_policies(table: PolicyTable, boards: Iterable[str]) -> dict[str, BoardPolicy]:
    """Return the policies of boards, except those that cannot be read now or are not usable."""
    boards = dict.fromkeys(boards)
    try:
        return table.of(boards)
    except CannotRead:
        if len(boards) > 1:
            return {name: policy for board in boards for name, policy in read_policies(table, [board]).items()}
        # No log contains a board's name, because it is data of a change; the resulting dead letters contain it.
        logger.error("standings cannot use the policy of a board: `scorecast boards list` says which, and why")
    except (ClientError, BotoCoreError, NotAcknowledged) as error:
        logger.warning("standings could not read the policies of %d boards (%s)", len(boards), code_of(error))
    return {}


def read_derived(
    table: PolicyTable, inherited: Mapping[str, BoardPolicy], begun: Collection[str]
) -> dict[str, BoardPolicy]:
    """Return the policies of derived boards, except those that cannot be read or declared now.

    A board keeps the policy that was declared for it. A board without one gets the `inherited` policy, which is
    declared if the board has `begun` and has not expired; this takes two writes, once per board.
    """
    found = read_policies(table, inherited)
    missing = {board for board, policy in found.items() if policy == DEFAULT}
    found |= {board: inherited[board] for board in missing}
    now = iso_now()
    for board in sorted(missing & set(begun)):
        if inherited[board].has_expired(now):
            continue
        try:
            found[board] = table.declare(board, inherited[board])
        except (ClientError, BotoCoreError, CannotRead, NotAcknowledged) as error:
            logger.warning("standings could not declare the policy of a derived board (%s)", code_of(error))
            del found[board]
    return found
