"""Change to leaderboard entry: ConsumerLambda."""
