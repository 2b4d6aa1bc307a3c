"""What is made of bench/results/: tables, charts, the data of the bill."""
