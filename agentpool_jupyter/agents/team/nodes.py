"""YAML's nodes as plain data, whatever stands in them."""

from __future__ import annotations

from typing import Any

import yaml

RESOLVER: Any = yaml.resolver.Resolver()
"""Says what kind of value a text is, by YAML's own rules."""


def plain(node: yaml.Node) -> Any:
    """Return a node's value as plain Python data, or as it stands there where YAML's own reader gives up."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    # PyYAML lets what its constructors trip over through: no such date, `!!int x`, a list that holds itself.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return node.value
    finally:
        loader.dispose()
