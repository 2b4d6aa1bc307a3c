"""What every function stands on: AWS's clients, settings, logs."""
