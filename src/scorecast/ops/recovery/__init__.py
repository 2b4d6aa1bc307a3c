"""Making leaderboard and main table agree again: verify and repair, backfill, restore, rebuild."""
