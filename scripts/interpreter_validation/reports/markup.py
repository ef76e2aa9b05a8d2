"""HTML and SVG as a tree, so that nothing can be left unescaped."""

from collections.abc import Iterable
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

Child: TypeAlias = "Element | str | Iterable[Child]"


def tag(name: str, /, *children: Child, **attributes: str) -> Element:
    """An element; texts become text, `class_` is `class`, `aria_label` is `aria-label`."""
    made = Element(name, {key.rstrip("_").replace("_", "-"): told for key, told in attributes.items()})
    _add(made, children)
    return made


def _add(parent: Element, children: Iterable[Child]) -> None:
    for child in children:
        if isinstance(child, str):
            last = parent[-1] if len(parent) else None
            if last is None:
                parent.text = (parent.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        elif isinstance(child, Element):
            parent.append(child)
        else:
            _add(parent, child)


def document(root: Element) -> str:
    """The page as text."""
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"
