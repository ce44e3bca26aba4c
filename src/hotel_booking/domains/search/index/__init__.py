"""The search index: what is sold, in arrays in memory, behind the same interface as the search in SQL.

`layout` says what the arrays are and maps the file that they live in, shared by all processes of a machine.
One process, the writer, follows the database; all read. What the arrays cannot say exactly is left to SQL,
property by property. See docs/ARCHITECTURE.md, "The search index".
"""
