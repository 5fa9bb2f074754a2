"""Doubles and the conformance kit. Needs pytest for the kit; nothing here is imported by a running authority."""
