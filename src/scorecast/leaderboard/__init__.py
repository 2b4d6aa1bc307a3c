"""What the writer and the readers of the leaderboard share: items, policies, the counting index."""
