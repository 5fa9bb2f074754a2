"""Signing adapters: where private keys work."""
