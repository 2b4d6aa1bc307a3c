"""The measurements. Those that docs/performance.md and docs/ranks.md name are commands."""
