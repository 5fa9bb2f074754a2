"""Revisions of the store's tables, oldest first. A revision that has been released is never edited."""
