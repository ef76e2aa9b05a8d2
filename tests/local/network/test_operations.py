"""Given the places where a request can name its operation, one that names two, or none, is found out."""

import botocore.session
import pytest

from interpreter_local.network.aws_names import SERVED
from interpreter_local.network.operations import FORMS, TARGETS, fault

JSON = {"content-type": "application/x-amz-json-1.0"}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
# Botocore's names of services, where they are not those in endpoints' names.
BOTOCORE = {
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "streams.dynamodb": "dynamodbstreams",
    "tagging": "resourcegroupstaggingapi",
}


def get_item(**headers):
    return {**JSON, "x-amz-target": "DynamoDB_20120810.GetItem", **headers}


@pytest.mark.parametrize("service", SERVED)
def test_the_places_are_those_of_the_services_models(service):
    model = botocore.session.Session().get_service_model(BOTOCORE.get(service, service)).metadata

    assert TARGETS.get(service) == model.get("targetPrefix")
    assert (service in FORMS) == ("query" in model["protocols"] or "awsQueryCompatible" in model)


@pytest.mark.parametrize(
    ("service", "path", "headers", "query", "body"),
    [
        ("dynamodb", "/", get_item(), {}, b"{}"),
        ("sqs", "/", {**JSON, "x-amz-target": "AmazonSQS.ListQueues"}, {}, b"{}"),
        ("sqs", "/123456789012/queue", FORM, {}, b"Action=SendMessage&MessageBody=a%26Action%3Db"),
        ("sts", "/", {}, {"Action": ["GetCallerIdentity"], "X-Amz-Signature": ["0"]}, b""),
        ("iam", "/", FORM, {}, b"Action=GetUser&Version=2010-05-08&UserName="),
        ("bedrock-agentcore", "/code-interpreters", JSON, {"maxResults": ["1"]}, b"{}"),
        ("s3", "/bucket/key", {"x-amz-target": "a.b"}, {"Action": ["c"]}, b"anything"),
    ],
)
def test_what_clients_send_names_one(service, path, headers, query, body):
    assert fault(service, path, headers, query, body) is None


@pytest.mark.parametrize(
    ("service", "path", "headers", "query", "body"),
    [
        ("dynamodb", "/", get_item(), {"Action": ["DeleteItem"]}, b"{}"),
        ("dynamodb", "/", get_item(**FORM), {}, b"Action=DeleteItem"),
        ("dynamodb", "/", JSON, {}, b"{}"),
        ("cloudtrail", "/", {**JSON, "x-amz-target": "LookupEvents"}, {}, b"{}"),
        ("dynamodb", "/", {**JSON, "x-amz-target": "DynamoDB_20120810.a.GetItem"}, {}, b"{}"),
        ("sqs", "/", {**JSON, "x-amz-target": "Other.ListQueues"}, {}, b"Action=DeleteQueue"),
        ("iam", "/", {**JSON, "x-amz-target": "IAMService.GetUser"}, {}, b"{}"),
        ("iam", "/", {"content-type": "text/plain"}, {}, b"Action=CreateUser"),
        ("iam", "/", {}, {}, b"Action=CreateUser"),
        ("iam", "/", FORM, {"Action": ["GetUser"]}, b"Action=CreateUser"),
        ("iam", "/", FORM, {"UserName": ["me"]}, b"Action=CreateUser&UserName=other"),
        ("iam", "/", FORM, {}, b"Action=&Action=CreateUser"),
        ("iam", "/", FORM, {}, b"Action=GetUser&Action=CreateUser"),
        ("iam", "/", FORM, {}, b"Action=GetUser&UserName=me&UserName=other"),
        ("iam", "/", FORM, {}, b"action=CreateUser"),
        ("iam", "/", {**FORM, "content-encoding": "gzip"}, {}, b"Action=CreateUser"),
        ("iam", "/", {}, {"Action": ["GetUser", "CreateUser"]}, b""),
        ("iam", "/", {}, {}, b""),
        ("monitoring", "/service/GraniteServiceVersion20100801/operation/PutMetricData", {}, {}, b"\xa0"),
        ("iam", "/x", FORM, {}, b"Action=GetUser"),
    ],
)
def test_what_could_be_read_in_two_ways_is_found_out(service, path, headers, query, body):
    assert fault(service, path, headers, query, body)
