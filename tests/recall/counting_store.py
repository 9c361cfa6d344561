"""A store that counts its open pools."""

from agentpool_jupyter.log.sqlite import SqliteStore


class CountingStore(SqliteStore):
    """A folder of pools; ``most`` is how many of them were open at the same time."""

    def __init__(self, folder):
        super().__init__(folder)
        self.logs = []
        self.most = 0

    @property
    def open_now(self):
        return sum(not log._closed for log in self.logs)

    def open(self, name, *, create=True):
        self.logs.append(super().open(name, create=create))
        self.most = max(self.most, self.open_now)
        return self.logs[-1]
