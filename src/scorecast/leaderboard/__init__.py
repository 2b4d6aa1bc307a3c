"""What writer and readers of the leaderboard share: the item, policies, the counting index."""
