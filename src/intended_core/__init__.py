"""An authority engine that a Python program embeds: no token, no action; no decision, no token."""
