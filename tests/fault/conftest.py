"""An endpoint with fleets of which some interpreters are broken, and a proxy in front of it."""

import pytest

from .ground import Ground
from .proxy import Proxy
from .trial import share_models


@pytest.fixture(scope="session")
def ground(variables):
    return Ground(variables)


@pytest.fixture(scope="session")
def proxy(variables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    running = Proxy(variables["AWS_ENDPOINT_URL"], variables["AWS_CA_BUNDLE"], folder).start()
    yield running
    running.close()


@pytest.fixture(scope="session", autouse=True)
def _models():
    with pytest.MonkeyPatch.context() as patch:
        share_models(patch.setattr)
        yield
