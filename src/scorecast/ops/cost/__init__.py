"""A month's bill, from measurements and a price table."""
