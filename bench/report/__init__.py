"""Turns bench/results/ into the documents' tables and charts, and into the measurements that the bill is based on.

cog puts the tables into the documents: `<!-- [[[cog ... ]]] -->` holds the call that prints the table below it.
"""
