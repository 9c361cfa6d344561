"""SQLite files that somebody looks into, or harms, behind their owner's back."""

import contextlib
import sqlite3

from agentpool_jupyter.log import open_store


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

    def write(values):
        with open_store(store).open("bakery") as log:
            log.rewrite(lambda _: values)

    with open_store(store).open("bakery") as log:
        kept = [(record.offset, record.value) for record in log.read(first, last + 1)]
    write([(offset, b"x") for offset, _ in kept])
    yield
    write(kept)
