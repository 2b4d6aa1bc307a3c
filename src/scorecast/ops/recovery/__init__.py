"""Verify that the leaderboard and the main table agree; repair, backfill, restore or rebuild what does not."""
