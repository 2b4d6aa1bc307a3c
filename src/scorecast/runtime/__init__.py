"""What every function uses: AWS clients, settings, logs, batches, pages."""
