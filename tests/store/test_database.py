import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from dwell_kit.errors import NotFoundError, WorkspaceError
from dwell_kit.store import snapshots
from dwell_kit.store.database import HEAD, Database, _write_ahead, metadata

NOW = datetime(2025, 5, 5, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path):
    made = Database(f"sqlite:///{tmp_path / 'state.db'}")
    made.migrate()
    yield made
    made.dispose()


def test_migrations_make_exactly_the_declared_schema(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert database.revision() == HEAD


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()
    assert database.revision() == HEAD


def test_a_newer_workspace_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WorkspaceError, match="newer dwell_kit"):
        database.migrate()


def test_snapshots_by_id_and_time(database: Database) -> None:
    with database.write() as connection:
        first = snapshots.add(connection, {"t": 1}, reason="a", now=NOW)
        second = snapshots.add(
            connection,
            {"t": 2},
            reason="b",
            now=(NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=9))),
        )
    with database.read() as connection:
        assert snapshots.latest(connection).id == second
        assert snapshots.get(connection, first).versions == {"t": 1}
        assert snapshots.get(connection, second).created_at == NOW + timedelta(hours=1)
        assert snapshots.as_of(connection, NOW + timedelta(minutes=59)).id == first
        assert snapshots.as_of(connection, NOW - timedelta(seconds=1)).id == 0
        with pytest.raises(NotFoundError, match="no version 99"):
            snapshots.get(connection, 99)


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    def fail_half_way() -> None:
        with database.write() as connection:
            snapshots.add(connection, {}, reason="a", now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with database.read() as connection:
        assert snapshots.latest(connection).id == 0


def test_erased_snapshots_say_so(database: Database) -> None:
    with database.write() as connection:
        first = snapshots.add(connection, {}, reason="a", now=NOW)
        second = snapshots.add(connection, {}, reason="b", now=NOW)
        snapshots.forget_before(connection, second, now=NOW)
    with database.read() as connection, pytest.raises(NotFoundError, match="2025-05-05"):
        snapshots.get(connection, first)


def test_a_file_that_another_process_is_just_closing_is_waited_for() -> None:
    """SQLite's "locked" to this one question heeds no timeout."""

    class Busy:
        """Says so twice, then does it."""

        asked = 0

        def execute(self, _question: str) -> None:
            self.asked += 1
            if self.asked < 3:
                raise sqlite3.OperationalError("database is locked")

    busy = Busy()
    _write_ahead(busy)
    assert busy.asked == 3
