"""State: environments, cameras, uploads, snapshots, lists, links, audit … (SQLAlchemy; SQLite or PostgreSQL)."""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.errors import WorkspaceError

HEAD: Final = "0006"
"""The newest migration; `migrations/versions` has a file for each."""
_PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.02
"""Between two tries of what SQLite does not wait for by itself."""


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime on every backend (SQLite would forget the zone)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

environments = sa.Table(
    "environments",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("tz", sa.String(64), nullable=False),
    sa.Column("opening_hours", sa.JSON, nullable=True),
    sa.Column("created_at", Moment, nullable=False),
)

cameras = sa.Table(
    "cameras",
    metadata,
    sa.Column("environment", sa.String(200), primary_key=True),
    sa.Column("camera_id", sa.String(400), primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("group", sa.Text),
    sa.Column("store", sa.Text),
    sa.Column("department", sa.Text),
    sa.Column("division", sa.Text),
    sa.Column("edited", sa.Boolean, nullable=False, default=False),
)

zones = sa.Table(
    "zones",
    metadata,
    sa.Column("environment", sa.String(200), primary_key=True),
    sa.Column("zone_id", sa.String(400), primary_key=True),
    sa.Column("camera_id", sa.String(400)),
    sa.Column("name", sa.Text),
    sa.Column("vertices", sa.Text),
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("upload_id", sa.String(32), nullable=False, unique=True),
    sa.Column("environment", sa.String(200), nullable=False),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("reader", sa.String(64), nullable=False),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("content_hash", sa.String(64), index=True),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("uploader", sa.Text),
    sa.Column("uploaded_at", Moment, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("covered_from", Moment),
    sa.Column("covered_till", Moment),
    sa.Column("report", sa.JSON),
    sa.Column("notes", sa.Text),
    sqlite_autoincrement=True,
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("versions", sa.JSON, nullable=False),
    sa.Column("erased_at", Moment),
    sqlite_autoincrement=True,
)

lists = sa.Table(
    "lists",
    metadata,
    sa.Column("environment", sa.String(200), primary_key=True),
    sa.Column("list", sa.String(200), primary_key=True),
    sa.Column("person_id", sa.String(400), primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("added_at", Moment, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sqlite_autoincrement=True,
)

report_schedules = sa.Table(
    "report_schedules",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("cron", sa.String(100), nullable=False),
    sa.Column("tz", sa.String(64), nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    sa.Column("deliver", sa.JSON, nullable=False),
    sa.Column("keep_days", sa.Integer),
    sa.Column("created_at", Moment, nullable=False),
)

report_runs = sa.Table(
    "report_runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("schedule", sa.String(100), nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("folder", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("delivered", sa.JSON),
    sa.UniqueConstraint("schedule", "due_at"),
    sqlite_autoincrement=True,
)

track_runs = sa.Table(
    "track_runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("environment", sa.String(200), nullable=False, index=True),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("run_hash", sa.String(64)),
    sa.Column("content_hash", sa.String(64)),
    sa.Column("first_person", sa.BigInteger, nullable=False),
    sa.Column("next_person", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("environment", sa.String(200), nullable=False),
    sa.Column("person_id", sa.String(400), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sqlite_autoincrement=True,
)


def _said_by_people() -> list[sa.Column[Any]]:
    """Who said it and why, the snapshot from which on it holds, and the one from which on it does not."""
    return [
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("made_in", sa.Integer, nullable=False),
        sa.Column("undone_in", sa.Integer),
        sa.Column("undone_by", sa.Text),
        sa.Column("undone_at", Moment),
        sa.Column("undone_reason", sa.Text),
    ]


identity_links = sa.Table(
    "identity_links",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("environment", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("camera_id", sa.String(400)),
    sa.Column("since", Moment),
    sa.Column("until", Moment),
    *_said_by_people(),
    sqlite_autoincrement=True,
)

link_members = sa.Table(
    "link_members",
    metadata,
    sa.Column("link_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", sa.String(200)),
    sa.Column("person_id", sa.String(400), nullable=False),
    sa.Column("person_code", sa.BigInteger, nullable=False, index=True),
)

camera_status = sa.Table(
    "camera_status",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("environment", sa.String(200), nullable=False),
    sa.Column("camera_id", sa.String(400), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
    *_said_by_people(),
    sqlite_autoincrement=True,
)


_WRITERS_KEY: Final = 7041776
"""PostgreSQL's advisory lock of whoever writes state; the database's own, so other databases are not held up."""


class Database:
    """An engine with the schema in place; `read()` and `write()` give connections."""

    @classmethod
    def in_file(cls, path: Path) -> Self:
        """SQLite in a file, whatever letters are in its name."""
        return cls(sa.URL.create("sqlite", database=str(path)))

    def __init__(self, url: str | sa.URL) -> None:
        self.url = sa.make_url(url)
        sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = sa.create_engine(self.url, connect_args={"timeout": 60} if sqlite else {})
        if sqlite:
            sa.event.listen(self.engine, "connect", _sqlite_connect)
            sa.event.listen(self.engine, "begin", _sqlite_begin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for statements that change nothing."""
        with self.engine.connect().execution_options(dwell_read=True) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it or nothing; writers queue up."""
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # as SQLite's BEGIN IMMEDIATE does: what is read and then written cannot change in between
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS_KEY})
            yield connection

    def migrate(self) -> None:
        """Bring the schema to `HEAD`; older workspaces are upgraded in place, newer ones refused."""
        found = self.revision()
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise WorkspaceError(
                "this workspace was written by a newer dwell_kit",
                expected=f"schema {HEAD} or older",
                found=f"schema {found}",
                hint="upgrade dwell-kit",
            )
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with self.write() as connection, warnings.catch_warnings():
            if _revision(connection) == HEAD:
                return
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)

    def revision(self) -> str | None:
        """The migration that the database is at; None for an empty one."""
        with self.read() as connection:
            return _revision(connection)

    def settle(self) -> None:
        """Write what was committed into the database's own file, so that no log beside it holds older content."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection:
                raw = connection.connection.dbapi_connection
                if raw is not None:
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def dispose(self) -> None:
        self.engine.dispose()


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _sqlite_connect(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # transactions are begun below, not by the driver
    cursor = raw.cursor()
    cursor.execute(f"PRAGMA busy_timeout={1000 * _PATIENCE_S:.0f}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what an erasure deletes is not left in free pages
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Have changes written to a log beside the file. While another process closes the file as the last one, SQLite
    says "locked" to this at once, whatever the timeout.
    """
    given_up = time.monotonic() + _PATIENCE_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > given_up:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _sqlite_begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer can fail with "database is locked" at once.
    reading = connection.get_execution_options().get("dwell_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
