"""The counting index, from which ranks and totals are read."""
