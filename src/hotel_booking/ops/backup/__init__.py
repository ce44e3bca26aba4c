"""Backups of the database, and the ways back: one interface (`engine`), an engine per way of keeping them,
and what is done with any of them. Decision 0077."""
