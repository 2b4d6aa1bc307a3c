"""The counting index: exact ranks without reading everybody."""
