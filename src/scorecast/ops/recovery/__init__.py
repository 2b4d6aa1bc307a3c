"""Verify that leaderboard and main table agree, and repair, backfill, restore or rebuild what does not."""
