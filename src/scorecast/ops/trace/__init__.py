"""`scorecast trace`: where a change is now."""
