"""What the writer and the readers of the leaderboard share: the item, policies, the counting index."""
