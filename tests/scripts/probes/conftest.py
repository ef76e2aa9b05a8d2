"""One probe, tried as a canary does it."""

import pytest

from interpreter_validation.runner import examine
from interpreter_validation.settings import Settings, outside_of


@pytest.fixture
def settings(clients):
    return Settings(outside_of(clients.endpoint))


@pytest.fixture
def probe(sessions, settings):
    """`probe("storage", fleet, "one")` → its ProbeResult; `among` are the records that it is told."""

    def examined(name, fleet, base, *, using=None, told=None):
        given = told or Settings(settings.outside, records=tuple(fleet.records.values()))
        [result] = examine(using or sessions, fleet.records[base], [name], given).results
        return result

    return examined
