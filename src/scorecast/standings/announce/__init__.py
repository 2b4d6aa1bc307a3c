"""From the leaderboard to the bus: standing events about the top of each board."""
