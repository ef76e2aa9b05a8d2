"""A run's result for people (table, page, GitHub summary) and for programs (JSON, JUnit, CloudWatch)."""

from .document import as_json, load, read, value
from .findings import summary
from .shape import SCHEMA, ReportError
from .table import console, show

__all__ = ["SCHEMA", "ReportError", "as_json", "console", "load", "read", "show", "summary", "value"]
