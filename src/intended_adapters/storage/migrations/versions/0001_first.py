"""Everything: scopes, heads, records and one table per kind of row.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not imported: a released revision stays what it was.
KINDS = (
    "secret", "signing_key", "policy", "entity", "person", "nonce", "approval", "halt", "snapshot", "meter",
    "anchor", "slot", "epoch", "outbox", "draft", "tile",
)  # fmt: skip
APPEND_ONLY = "SELECT RAISE(ABORT, 'records are append-only')"


def _scope(*, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column("scope", sa.Integer, sa.ForeignKey("scope.id"), primary_key=primary_key, nullable=False)


def upgrade() -> None:
    """Make every table, index and trigger of the first format."""
    op.create_table(
        "scope",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.UniqueConstraint("uuid", "environment", name="scope_uuid"),
        sa.UniqueConstraint("tenant", "environment", name="scope_tenant"),
        sa.CheckConstraint("environment IN ('live', 'test')", name="scope_environment"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_table(
        "head",
        _scope(primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "record",
        sa.Column("id", sa.Integer, primary_key=True),
        _scope(),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("thread", sa.Text, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("fields", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("scope", "seq", name="record_seq"),
        sqlite_strict=True,
    )
    op.execute("CREATE INDEX record_thread ON record (scope, thread, seq) WHERE thread != ''")
    # The two changes that a record may see: its body and fields are emptied, or its fields become fewer.
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in ("id", "scope", "seq", "thread", "leaf", "entry"))
    less = "NEW.body IS OLD.body AND length(NEW.fields) < length(OLD.fields)"
    op.execute(
        "CREATE TRIGGER record_not_updated BEFORE UPDATE ON record "
        f"WHEN NOT ({same} AND ((NEW.body = x'' AND NEW.fields = x'') OR ({less}))) BEGIN {APPEND_ONLY}; END"
    )
    op.execute(f"CREATE TRIGGER record_not_deleted BEFORE DELETE ON record BEGIN {APPEND_ONLY}; END")
    for kind in KINDS:
        op.create_table(
            f"row_{kind}",
            _scope(primary_key=True),
            sa.Column("key", sa.Text, primary_key=True, nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("state", sa.Text, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
            sa.Column("mac", sa.LargeBinary, nullable=False),
            sqlite_strict=True,
            sqlite_with_rowid=kind != "nonce",
        )
    op.execute(
        "CREATE UNIQUE INDEX signing_key_one_active ON row_signing_key "
        "(scope, substr(\"key\", 1, instr(\"key\", ':'))) WHERE state = 'ACTIVE'"
    )


def downgrade() -> None:
    """Refused: the log is never thrown away by a change of format."""
    raise NotImplementedError("the first format has nothing before it")
