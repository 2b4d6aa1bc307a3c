"""What the measurements run on: engines, processes for functions, meters and loaded boards."""
