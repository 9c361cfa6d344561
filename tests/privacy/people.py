"""People that are made up, and the plain algorithm that ours is compared with; also for benchmarks."""

import numpy as np
import pandas as pd

QUASI = ["age", "zip", "born", "education", "work", "marital", "country", "sex"]
NUMBERS = ("age", "zip", "born", "education")


def people(count, seed=1):
    """A table like a census: heavy ties, skewed categories, columns that go together, a column of rare numbers."""
    chance = np.random.default_rng(seed)
    age = np.clip(chance.gamma(6, 6.5, count), 17, 90).astype(int)
    education = np.clip(chance.normal(10, 2.5, count), 1, 16).astype(int)
    days = ((90 - age) * 365 + chance.integers(0, 365, count)).astype("timedelta64[D]")
    work = np.where(chance.random(count) < 0.7, 0, np.minimum(chance.geometric(0.4, count), 6))
    country = np.where(chance.random(count) < 0.9, 0, np.minimum(chance.geometric(0.08, count), 40))
    marital = np.where(
        age < 30, chance.integers(0, 3, count), chance.choice(6, count, p=[0.1, 0.5, 0.2, 0.1, 0.06, 0.04])
    )
    return pd.DataFrame(
        {
            "name": [f"person {number}" for number in range(count)],
            "age": age,
            "zip": 10_000 + 7 * chance.integers(0, 900, count),
            "born": np.datetime64("1930-01-01") + days,
            "education": education,
            "work": np.array([f"work {chr(97 + kind)}" for kind in range(7)])[work],
            "marital": np.array(["single", "married", "divorced", "widowed", "apart", "other"])[marital],
            "country": np.array([f"country {number:02}" for number in range(41)])[country],
            "sex": chance.choice(["f", "m"], count),
            "income": np.where(chance.random(count) < 0.1 + education / 40, "high", "low"),
            "ill": chance.choice(["flu", "cold", "asthma", "ulcer", "none"], count, p=[0.1, 0.2, 0.1, 0.05, 0.55]),
        }
    )


def coded(table, quasi, numbers):
    """Columns as numbers: whether it is one, the rank of each row's value, places from 0 to 1, how many values."""
    columns = []
    for name in quasi:
        known, ranks = np.unique(table[name].to_numpy(), return_inverse=True)
        if name in numbers:
            places = known.astype(np.int64 if known.dtype.kind == "M" else np.float64)
            columns.append((True, ranks, (places - places[0]) / max(1, places[-1] - places[0]), len(known)))
        else:
            columns.append((False, ranks, None, len(known)))
    return columns


def plain_mondrian(columns, k):
    """Strict Mondrian as LeFevre et al. have it: the widest column that can be cut, at its median.

    Categories are in the order of their names. Below the median and up to it are both tried, which is more than many
    that are published do.
    """
    classes = np.zeros(len(columns[0][1]), dtype=np.int64)
    waiting, done = [np.arange(len(classes))], 0
    while waiting:
        rows = waiting.pop()
        widths = [_width(column, column[1][rows]) for column in columns]
        for number in np.argsort(-np.array(widths), kind="stable"):
            ranks = columns[number][1][rows]
            median = np.sort(ranks)[len(ranks) // 2]
            left = next((side for side in (ranks < median, ranks <= median) if k <= side.sum() <= len(rows) - k), None)
            if left is not None:
                waiting += [rows[left], rows[~left]]
                break
        else:
            classes[rows] = done
            done += 1
    return classes


def loss(columns, classes):
    """The mean NCP of all cells, class by class: slowly, and by its definition."""
    total = 0.0
    for rows in np.split(np.argsort(classes, kind="stable"), np.cumsum(np.bincount(classes))[:-1]):
        total += len(rows) * sum(_width(column, column[1][rows]) for column in columns)
    return total / len(classes) / len(columns)


def _width(column, ranks):
    is_number, _, places, count = column
    if is_number:
        return places[ranks.max()] - places[ranks.min()]
    return (len(np.unique(ranks)) - 1) / max(1, count - 1)
