"""Key-encryption adapters: where the key that wraps all data keys lives."""
