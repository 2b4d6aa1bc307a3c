"""Measurements of speed and cost, beside other designs. Nothing in here is deployed."""
