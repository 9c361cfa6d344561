"""A browser's view of some HTML."""

from html.parser import HTMLParser

_CLOSED = {"br", "hr", "img"}  # they hold nothing, and have no end


class Reader(HTMLParser):
    """Which elements there are, with which attributes, and the text; every element that opens also closes."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self._open = set(), set(), "", []
        self.feed(html)
        self.close()
        assert not self._open
        assert not any(name.startswith("on") for name in self.attributes)

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in _CLOSED:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data
