"""What things cost, measured; nothing in here is deployed."""
