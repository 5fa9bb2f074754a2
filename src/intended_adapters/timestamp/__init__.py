"""Time-stamping authorities (RFC 3161): asked over HTTP, believed under certificates that are pinned here."""
