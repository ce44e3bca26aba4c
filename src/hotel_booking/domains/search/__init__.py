"""Which hotels have a room, what it costs, and why a stay is not sold. Reads only.

`find.find` is the one door to the search over all hotels; an index in memory can stand behind it later,
with the SQL of `queries` as its reference.
"""
