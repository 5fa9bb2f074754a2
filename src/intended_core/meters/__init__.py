"""Windows and reservations: what has been counted, and what a level is at a moment."""
