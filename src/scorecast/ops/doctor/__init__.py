"""`scorecast doctor`: checks of a deployed stack in the order of the data flow, a canary, and an anonymous report."""
