"""Requests per second: what is let in, what is throttled, and how clients get over it."""

import asyncio
import json
import shlex
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from interpreter_local import quotas
from interpreter_local.errors import ServiceError
from interpreter_local.rates import Rates
from interpreter_local.service import Service
from interpreter_local.state import Scope

ROOT = Path(__file__).parents[3]
LOCAL = ROOT / ".venv/bin/interpreter-local"
ACCOUNT = "123456789012"
HERE = Scope(ACCOUNT, "us-east-1")
RATE_HEADER = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock.agentcore.common/"


class Clock:
    """Time that passes when the test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def let_in(rates, scope, operation, tries):
    """How many of so many requests at one moment are let in."""
    count = 0
    for _ in range(tries):
        try:
            rates.admit(scope, operation)
        except ServiceError as error:
            if error.code != "ThrottlingException":
                raise
        else:
            count += 1
    return count


@pytest.mark.parity("One second's worth of requests may come at once", seen="unrecorded")
def test_a_seconds_worth_comes_at_once_and_then_the_rate_decides(clock):
    """Unrecorded: the size of the burst."""
    rates = Rates(lambda scope, operation: 5, clock)

    assert let_in(rates, HERE, "CreateCodeInterpreter", 20) == 5
    clock.now += 0.5
    assert let_in(rates, HERE, "CreateCodeInterpreter", 20) == 2
    clock.now += 3600
    assert let_in(rates, HERE, "CreateCodeInterpreter", 20) == 5


def test_over_a_minute_no_more_than_the_rate_and_one_burst(clock):
    rates = Rates(lambda scope, operation: 30, clock)

    total = 0
    for _ in range(60 * 16):
        total += let_in(rates, HERE, "InvokeCodeInterpreter", 5)
        clock.now += 1 / 16

    assert 60 * 30 <= total <= 61 * 30


def test_accounts_regions_and_operations_have_rates_of_their_own(clock):
    rates = Rates(lambda scope, operation: 1, clock)
    others = [
        (Scope("210987654321", "us-east-1"), "GetCodeInterpreter"),
        (Scope(ACCOUNT, "eu-west-1"), "GetCodeInterpreter"),
        (HERE, "ListCodeInterpreters"),
    ]

    assert let_in(rates, HERE, "GetCodeInterpreter", 2) == 1
    assert [let_in(rates, *other, 2) for other in others] == [1, 1, 1]


def test_a_rate_that_was_raised_counts_at_the_next_request(clock):
    limit = {"rate": 1}
    rates = Rates(lambda scope, operation: limit["rate"], clock)
    let_in(rates, HERE, "GetCodeInterpreter", 1)

    limit["rate"] = 10
    clock.now += 1

    assert let_in(rates, HERE, "GetCodeInterpreter", 20) == 10


def test_operations_without_a_documented_rate_are_never_throttled(clock):
    rates = Rates(lambda scope, operation: None, clock)

    assert let_in(rates, HERE, "TagResource", 1000) == 1000


@pytest.fixture
def service(clock):
    async def opener(session):
        raise AssertionError("no session is started here")

    return Service(opener, identity=None, clock=clock)


def ask(service, method, path, scope=HERE):
    """Status, error type and message of one request."""
    answer = asyncio.run(service.answer(scope, method, path, {}, {}, b""))
    status, headers, body = answer.reply
    return status, headers.get("x-amzn-errortype"), json.loads(body).get("message")


@pytest.mark.parity(
    "5 requests per second to create and to delete, 30 for each other operation", seen="docs", by="quotas"
)
@pytest.mark.parametrize(("operation", "quota"), quotas.RATES.items())
def test_each_operation_has_the_documented_rate(service, operation, quota):
    expected = 5 if operation in ("CreateCodeInterpreter", "DeleteCodeInterpreter") else 30

    assert let_in(service._rates, HERE, operation, 100) == expected == quota.value


@pytest.mark.parity("More requests than the rate allows: ThrottlingException 429", seen="model")
@pytest.mark.parametrize(
    ("method", "path", "error_type"),
    [
        ("GET", "/code-interpreters/gone-0123456789", "ThrottlingException"),
        ("POST", "/code-interpreters/aws.codeinterpreter.v1/sessions/list", RATE_HEADER),
    ],
)
def test_a_throttled_request_is_429_in_the_shape_of_its_api(service, clock, method, path, error_type):
    for _ in range(30):
        assert ask(service, method, path)[0] != 429

    assert ask(service, method, path) == (429, error_type, "Rate exceeded")
    clock.now += 1 / 16
    assert ask(service, method, path)[0] != 429


@pytest.mark.parity("Denied requests take nothing of the rate", seen="unrecorded")
def test_requests_that_iam_denies_take_nothing_of_the_rate(service):
    """Unrecorded."""
    denied = ("GET", "/code-interpreters/a-0123456789", {}, {}, b"", "not authorized")
    for _ in range(100):
        assert service.denied(HERE, *denied).reply[0] == 403

    assert ask(service, "GET", "/code-interpreters/a-0123456789")[0] == 404


@pytest.fixture(scope="module")
def paced(tmp_path_factory):
    """`paced("bedrock-agentcore", retries={…})`: a client of an endpoint that holds to the rates."""
    home = tmp_path_factory.mktemp("paced")
    subprocess.run([LOCAL, "up", "--home", home, "--port", "0"], check=True, timeout=120)
    try:
        printed = subprocess.run([LOCAL, "env", "--home", home], check=True, capture_output=True, text=True)
        lines = [shlex.split(line)[1] for line in printed.stdout.splitlines() if line.startswith("export ")]
        variables = dict(line.split("=", 1) for line in lines)

        def client(service, retries):
            return boto3.client(
                service,
                endpoint_url=variables["AWS_ENDPOINT_URL"],
                verify=variables["AWS_CA_BUNDLE"],
                region_name="us-east-1",
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="local",
                config=Config(retries=retries),
            )

        client.home = home
        client.variables = variables
        yield client
    finally:
        subprocess.run([LOCAL, "down", "--home", home], check=True, timeout=60)


def create_seven(control, prefix):
    network = {"networkMode": "SANDBOX"}
    return [
        control.create_code_interpreter(name=f"{prefix}{number}", networkConfiguration=network)
        for number in range(7)
    ]


def test_boto3_is_throttled_and_its_standard_retries_get_over_it(paced):
    once = paced("bedrock-agentcore-control", {"total_max_attempts": 1})
    patient = paced("bedrock-agentcore-control", {"mode": "standard", "max_attempts": 8})

    with pytest.raises(once.exceptions.ThrottlingException, match="Rate exceeded") as caught:
        create_seven(once, "hasty")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    made = create_seven(patient, "patient")

    assert max(one["ResponseMetadata"]["RetryAttempts"] for one in made) >= 1


def test_an_increase_of_a_rate_counts_at_once(paced):
    quotas_client = paced("service-quotas", {"total_max_attempts": 1})
    control = paced("bedrock-agentcore-control", {"total_max_attempts": 1})
    code = quotas.RATES["GetCodeInterpreter"].code
    quotas_client.request_service_quota_increase(
        ServiceCode="bedrock-agentcore", QuotaCode=code, DesiredValue=100_000
    )

    for _ in range(60):
        control.get_code_interpreter(codeInterpreterId="aws.codeinterpreter.v1")


def test_status_says_that_rates_are_held_to_or_switched_off(paced, endpoint_home, variables):
    def said(home):
        printed = subprocess.run(
            [LOCAL, "status", "--home", home], check=True, capture_output=True, text=True
        )
        enforced, _, missing = printed.stdout.partition("\nmissing ")
        return ["request rates" in part for part in (enforced, missing)], missing

    assert said(paced.home)[0] == [True, False]
    held, missing = said(endpoint_home)
    assert held == [False, True]
    assert "request rates (quotas per second): switched off by --no-rates" in missing


def test_a_reset_forgets_what_was_raised_and_who_called(paced):
    service_quotas = paced("service-quotas", {"total_max_attempts": 1})
    cloudtrail = paced("cloudtrail", {"total_max_attempts": 1})
    one = {"ServiceCode": "bedrock-agentcore", "QuotaCode": quotas.SESSIONS.code}
    service_quotas.request_service_quota_increase(**one, DesiredValue=2000)
    paced("bedrock-agentcore-control", {"total_max_attempts": 1}).list_code_interpreters()

    context = ssl.create_default_context(cafile=paced.variables["AWS_CA_BUNDLE"])
    url = paced.variables["AWS_ENDPOINT_URL"] + "/_ministack/reset"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), context=context, timeout=60):
        deadline = time.monotonic() + 10

    while service_quotas.get_service_quota(**one)["Quota"]["Value"] != 1000:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert cloudtrail.lookup_events()["Events"] == []
