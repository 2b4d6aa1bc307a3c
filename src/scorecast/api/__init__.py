"""From the leaderboard to people: LeaderGet."""
