"""Stream batch to bus: FanoutLambda."""
