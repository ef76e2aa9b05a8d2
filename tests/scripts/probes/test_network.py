"""The network probe: each mode as declared passes; a way out that is not declared is found and named."""

import json
from dataclasses import replace

import pytest

from interpreter_validation.settings import Settings, Target, outside_of
from interpreter_validation.verdict import Verdict

NO_STORAGE = {"bucket": None, "prefix": None, "access": None}


@pytest.fixture
def with_egress(variables, endpoint_home):
    """A machine that cannot let sessions out says why in `status`."""
    status = json.loads((endpoint_home / "endpoint.json").read_text())
    if not any(line.startswith("egress in PUBLIC and VPC mode") for line in status["enforced"]):
        pytest.skip(next(line for line in status["missing"] if line.startswith("egress")))


def test_a_sandbox_reaches_s3_and_nothing_outside(deploy, probe):
    result = probe("network", deploy("one"), "one")

    assert result.verdict is Verdict.PASS, result
    assert result.detail == "nothing outside answers; S3 answers"


@pytest.mark.usefixtures("with_egress")
def test_a_public_interpreter_gets_out(deploy, probe):
    fleet = deploy("one", declare={"network_mode": "PUBLIC", **NO_STORAGE})

    result = probe("network", fleet, "one")

    assert result.verdict is Verdict.PASS, result
    assert "TCP outside.test:443" in result.detail


@pytest.mark.usefixtures("with_egress")
def test_a_sandbox_with_egress_is_found(deploy, probe):
    """It was declared SANDBOX, and code gets out: by name, by address, on each port."""
    fleet = deploy("one", declare={"network_mode": "PUBLIC", **NO_STORAGE}, network_mode="SANDBOX")

    result = probe("network", fleet, "one")

    assert result.verdict is Verdict.FAIL
    for way in ("TCP outside.test:443", "TCP 198.51.100.7:80", "the name outside.test", "TCP sts.us-east-1."):
        assert way in result.seen
    assert "GetCodeInterpreter" in result.todo


def test_a_public_interpreter_that_cannot_get_out_is_found(deploy, probe):
    fleet = deploy("one", network_mode="PUBLIC")

    result = probe("network", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert result.detail.startswith("network mode is PUBLIC and nothing outside answers")


def test_declared_storage_needs_s3(deploy, probe):
    """As a VPC interpreter whose subnets have no S3 endpoint: here, S3 of a Region that is not reached."""
    fleet = deploy("one")
    record = fleet.records["one"]
    fleet.records["one"] = replace(record, arn=record.arn.replace("us-east-1", "eu-west-1"))

    result = probe("network", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert result.detail.startswith("s3.eu-west-1.amazonaws.com does not answer")


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://bedrock-agentcore-control.eu-west-1.amazonaws.com", "example.com"),
        ("https://bedrock-agentcore-control.cn-north-1.amazonaws.com.cn", "example.com"),
        ("https://localhost:4566", "outside.test"),
        ("https://amazonaws.com.example", "outside.test"),
    ],
)
def test_what_is_outside_depends_on_whose_endpoint_it_is(endpoint, host):
    assert outside_of(endpoint)[0] == Target(host, 443)


@pytest.mark.parametrize("text", ["host", "host:0", "host:65536", ":80", "a b:80", "https://a:80"])
def test_a_target_is_host_and_port(text):
    with pytest.raises(ValueError, match=r"allowed: a host name or IPv4 address, ':', a port"):
        Target.parse(text)


def test_settings_hold_what_is_outside():
    assert Settings(outside_of("https://localhost:1")).outside[-1] == Target("198.51.100.7", 80)
