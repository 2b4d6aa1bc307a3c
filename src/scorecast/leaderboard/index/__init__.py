"""The counting index, which gives ranks and totals."""
