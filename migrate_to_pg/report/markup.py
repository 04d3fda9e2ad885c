"""In: names of elements, attributes, texts. Out: HTML, every text escaped and every odd character made visible."""

from __future__ import annotations

from html import escape

from migrate_to_pg.report.messages import visible


class Html(str):
    """A string that is already HTML. Only ``el`` makes it from what others wrote."""

    __slots__ = ()


def el(name: str, /, *children: str, **attributes: str) -> Html:
    """An element; ``class_`` is the attribute class; a child that is no Html is a text."""
    given = (f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"' for key, value in attributes.items() if value)
    return Html(f"<{name}{''.join(given)}>{join(*children)}</{name}>")


def void(name: str, /, **attributes: str) -> Html:
    """An element that has no end tag, such as meta."""
    return Html(el(name, **attributes).removesuffix(f"</{name}>"))


def join(*children: str) -> Html:
    """The children one after the other."""
    return Html("".join(child if isinstance(child, Html) else _text(child) for child in children))


def raw(trusted: str) -> Html:
    """Our own style sheet, which must not be escaped."""
    return Html(trusted)


def lines(text: str) -> Html:
    """A text whose line breaks stay (where the style sheet keeps them)."""
    return Html("\n".join(_text(line) for line in text.splitlines()))


def _text(text: str) -> str:
    return escape(visible(text))
