"""SQLite files that somebody looks into, or harms, behind their owner's back."""

import contextlib
import sqlite3


def sql(path, query, *values):
    """Carry out a statement, which has to reach something, on a file; return the rows."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        done = db.execute(query, values)
        assert done.rowcount
        return done.fetchall()


def flip_bit(path, table, column, where):
    """Change one bit in the middle of the first value that is there."""
    harmed = bytearray(sql(path, f"SELECT {column} FROM {table} WHERE {where}")[0][0])
    harmed[len(harmed) // 2] ^= 1
    sql(path, f"UPDATE {table} SET {column} = ? WHERE {where}", bytes(harmed))


@contextlib.contextmanager
def hidden(store, first, last):
    """While it lasts, these records of the bakery's log say nothing: who reads them anew is found out."""
    log = store / "bakery.sqlite"
    kept = sql(log, "SELECT value, offset FROM records WHERE offset BETWEEN ? AND ?", first, last)
    sql(log, "UPDATE records SET value = 'x' WHERE offset BETWEEN ? AND ?", first, last)
    yield
    with contextlib.closing(sqlite3.connect(log)) as db, db:
        db.executemany("UPDATE records SET value = ? WHERE offset = ?", kept)
