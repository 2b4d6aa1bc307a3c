"""What the measurements run on: engines, functions in processes of their own, meters, boards."""
