"""Transports: how a redeemed call reaches the system that carries it out."""
