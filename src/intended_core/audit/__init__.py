"""Audit: records, the tree that commits to them, signed checkpoints, proofs, and the verification of logs and bundles."""
