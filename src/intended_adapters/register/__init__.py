"""Detached registers: what counts a token's nonce beside an adapter that cannot reach the ledger."""
