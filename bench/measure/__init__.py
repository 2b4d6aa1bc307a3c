"""The measurements, one module each; each is a command."""
