"""From changes to leaderboard entries: ConsumerLambda."""
