"""Service Quotas: the limits by name, and increases that count at once."""

import json
import uuid

import pytest

CODE = "bedrock-agentcore"
CONFIGURATIONS = "Total Code Interpreter tool configurations per account"
SESSIONS = "Total concurrent active code interpreter sessions per account"
# AWS docs, bedrock-agentcore-limits.
DOCUMENTED = {
    CONFIGURATIONS: (1000, True),
    SESSIONS: (1000, True),
    "CreateCodeInterpreter API rate": (5, True),
    "DeleteCodeInterpreter API rate": (5, True),
    "GetCodeInterpreter API rate": (30, True),
    "ListCodeInterpreters API rate": (30, True),
    "StartCodeInterpreterSession API rate": (30, True),
    "GetCodeInterpreterSession API rate": (30, True),
    "ListCodeInterpreterSessions API rate": (30, True),
    "StopCodeInterpreterSession API rate": (30, True),
    "InvokeCodeInterpreter API rate": (30, True),
    "Hardware configuration per session (vCPU)": (2, False),
    "Hardware configuration per session (GB)": (8, False),
    "Request timeout": (15, False),
    "Max payload size": (100, False),
    "Asynchronous command max duration": (8, False),
    "Disk size": (10, False),
}


@pytest.fixture
def quotas(client):
    """A client of an account that nobody else uses."""
    return client("service-quotas", account=str(uuid.uuid4().int)[:12])


def listed(quotas, operation="list_service_quotas"):
    pages = quotas.get_paginator(operation).paginate(ServiceCode=CODE, PaginationConfig={"PageSize": 4})
    return {one["QuotaName"]: one for page in pages for one in page["Quotas"]}


@pytest.mark.parametrize("operation", ["list_service_quotas", "list_aws_default_service_quotas"])
def test_names_values_and_what_can_be_raised_are_the_documented_ones(quotas, operation):
    found = listed(quotas, operation)

    assert {name: (one["Value"], one["Adjustable"]) for name, one in found.items()} == DOCUMENTED
    assert [one["ServiceCode"] for one in quotas.list_services()["Services"]] == [CODE]


def test_codes_that_aws_does_not_document_are_marked_as_local(quotas):
    codes = {name: one["QuotaCode"] for name, one in listed(quotas).items()}

    assert {codes.pop(CONFIGURATIONS), codes.pop(SESSIONS)} == {"L-D8BDCBA9", "L-CAF6F552"}
    assert all(code.startswith("L-LOCAL") for code in codes.values())
    assert len(set(codes.values())) == len(codes)


def test_an_increase_is_approved_and_the_default_stays(quotas):
    asked = quotas.request_service_quota_increase(
        ServiceCode=CODE, QuotaCode="L-CAF6F552", DesiredValue=2500
    )["RequestedQuota"]

    assert (asked["Status"], asked["DesiredValue"], asked["QuotaName"]) == ("APPROVED", 2500, SESSIONS)
    assert json.loads(asked["Requester"])["callerArn"].endswith(":root")
    one = {"ServiceCode": CODE, "QuotaCode": "L-CAF6F552"}
    assert quotas.get_service_quota(**one)["Quota"]["Value"] == 2500
    assert listed(quotas)[SESSIONS]["Value"] == 2500
    assert quotas.get_aws_default_service_quota(**one)["Quota"]["Value"] == 1000
    assert (
        quotas.get_requested_service_quota_change(RequestId=asked["Id"])["RequestedQuota"]["Id"]
        == (asked["Id"])
    )


def test_the_history_has_the_newest_request_first(quotas):
    for code, value in (("L-CAF6F552", 2000), ("L-D8BDCBA9", 1500), ("L-CAF6F552", 3000)):
        quotas.request_service_quota_increase(ServiceCode=CODE, QuotaCode=code, DesiredValue=value)

    history = quotas.list_requested_service_quota_change_history(ServiceCode=CODE)["RequestedQuotas"]
    of_one = quotas.list_requested_service_quota_change_history_by_quota(
        ServiceCode=CODE, QuotaCode="L-CAF6F552"
    )["RequestedQuotas"]
    pending = quotas.list_requested_service_quota_change_history(Status="PENDING")["RequestedQuotas"]

    assert [one["DesiredValue"] for one in history] == [3000, 1500, 2000]
    assert [one["DesiredValue"] for one in of_one] == [3000, 2000]
    assert pending == []


@pytest.mark.parametrize(
    ("code", "value", "error", "said"),
    [
        ("L-CAF6F552", 1000, "IllegalArgumentException", "more than the current quota value 1000"),
        ("L-LOCAL014", 20, "IllegalArgumentException", "is not adjustable"),
        ("L-00000000", 20, "NoSuchResourceException", "L-00000000"),
    ],
)
def test_what_cannot_be_raised_is_refused(quotas, code, value, error, said):
    with pytest.raises(getattr(quotas.exceptions, error), match=said):
        quotas.request_service_quota_increase(ServiceCode=CODE, QuotaCode=code, DesiredValue=value)

    assert quotas.list_requested_service_quota_change_history()["RequestedQuotas"] == []


def test_an_increase_is_of_one_account_and_region(client):
    account = str(uuid.uuid4().int)[:12]
    client("service-quotas", account=account).request_service_quota_increase(
        ServiceCode=CODE, QuotaCode="L-CAF6F552", DesiredValue=5000
    )

    elsewhere = client("service-quotas", account=account, region="eu-west-1")

    assert listed(elsewhere)[SESSIONS]["Value"] == 1000


def test_an_unknown_service_or_token_is_an_error(quotas):
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.list_service_quotas(ServiceCode="nothing")
    with pytest.raises(quotas.exceptions.InvalidPaginationTokenException):
        quotas.list_service_quotas(ServiceCode=CODE, NextToken="nobodys")
