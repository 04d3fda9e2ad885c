"""Find the addresses of the project's pages: routes without arguments, links in pages, sitemaps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from django.urls import URLResolver, get_resolver

#: Pages of one route that differ by their query string alone.
_QUERY_STRINGS = 3
_LOCATION = re.compile(r"<loc>\s*([^<\s]+)\s*</loc>")


class Frontier:
    """The addresses that are still to be asked for, each once."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._known: set[str] = set()
        self._of_path: Counter[str] = Counter()
        self._waiting: list[str] = []

    def add(self, addresses: Iterable[str]) -> None:
        """Add those that are new, as long as the limit allows."""
        for address in addresses:
            path = urlsplit(address).path
            if self._left and address not in self._known and self._of_path[path] <= _QUERY_STRINGS:
                self._known.add(address)
                self._of_path[path] += 1
                self._left -= 1
                self._waiting.append(address)

    def __iter__(self) -> Iterator[str]:
        # The list grows meanwhile.
        yield from self._waiting


def routes() -> list[str]:
    """Return the path of every route that takes no argument."""
    return sorted(set(_routes(get_resolver(), "/")))


def _routes(resolver: URLResolver, prefix: str) -> Iterator[str]:
    found = resolver.reverse_dict
    for possibilities, *_others in (value for key in found for value in found.getlist(key)):
        for path, parameters in possibilities:
            if not parameters and "%(" not in prefix:
                yield prefix + path.replace("%%", "%")
    for inner, namespace in resolver.namespace_dict.values():
        yield from _routes(namespace, prefix + inner)


def links(text: str, address: str, host: str) -> list[str]:
    """Return the links of a page, or the places of a sitemap, that lead to the same host."""
    parser = _Links()
    parser.feed(text)
    found = []
    for link in (*parser.links, *_LOCATION.findall(text)):
        parts = urlsplit(urldefrag(urljoin(f"http://{host}{address}", link)).url)
        if parts.scheme in ("http", "https") and parts.hostname == host and parts.path.startswith("/"):
            found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return list(dict.fromkeys(found))


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("a", "area"):
            self.links += [value for name, value in attrs if name == "href" and value]
