"""Given requests that IAM and a service would read differently, no more is done than the policy allows."""

import gzip
import json

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

FORM = "application/x-www-form-urlencoded"
CREATE = b"Action=CreateUser&UserName=doubled&Version=2010-05-08"
GET = {"X-Amz-Target": "IAMService.GetUser"}


@pytest.fixture
def send(variables, role_of):
    """`send(service, query, headers, body, action)` → status and text, by a role that may do `action`."""
    pool = urllib3.PoolManager(ca_certs=variables["AWS_CA_BUNDLE"])

    def signed(service, query, headers, body, action, path="/"):
        mine = role_of({"Effect": "Allow", "Action": action, "Resource": "*"})
        keys = Credentials(mine["AccessKeyId"], mine["SecretAccessKey"], mine["SessionToken"])
        url = f"{variables['AWS_ENDPOINT_URL']}{path}{query}"
        request = AWSRequest("POST", url, data=body, headers=headers)
        SigV4Auth(keys, service, "us-east-1").add_auth(request)
        reply = pool.request("POST", url, body=body, headers=dict(request.headers), retries=False)
        return reply.status, reply.data.decode()

    yield signed
    pool.clear()


@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ("?Action=GetUser&Version=2010-05-08", {"Content-Type": FORM}, CREATE),
        ("", {"Content-Type": FORM}, b"Action=GetUser&" + CREATE),
        ("", {"Content-Type": FORM, **GET}, CREATE),
        ("", {"Content-Type": "text/plain", **GET}, CREATE),
        ("", {"Content-Type": "text/plain"}, CREATE),
        ("", {"Content-Type": FORM.upper()}, CREATE),
        ("", {}, CREATE),
        ("?Action=GetUser", {"Content-Type": FORM, "Content-Encoding": "gzip"}, gzip.compress(CREATE)),
    ],
    ids=["query", "twice", "header", "header-plain", "plain", "capitals", "untyped", "compressed"],
)
def test_a_form_that_names_another_operation_does_not_do_it(client, send, query, headers, body):
    status, said = send("iam", query, headers, body, "iam:GetUser")

    assert status in (400, 403), said
    with pytest.raises(ClientError, match="NoSuchEntity"):
        client("iam").get_user(UserName="doubled")


@pytest.mark.parametrize("query", ["?Action=ListTables", "?Action=ListTables&Version=1"])
def test_a_json_operation_is_the_one_of_its_header(client, send, query):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.CreateTable"}
    key = {"AttributeName": "id", "AttributeType": "S"}
    table = {
        "TableName": "doubled",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [key],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }

    status, said = send("dynamodb", query, headers, json.dumps(table).encode(), "dynamodb:ListTables")

    assert (status, "named by" in said) == (400, True), said
    assert client("dynamodb").list_tables()["TableNames"] == []


@pytest.mark.parametrize(
    ("query", "headers"), [("?Action=ListFunctions", {}), ("", {"X-Amz-Target": "AWSLambda.ListFunctions"})]
)
def test_a_path_is_the_operation_of_a_service_that_has_one(client, send, query, headers):
    made = {
        "FunctionName": "doubled",
        "Role": "arn:aws:iam::123456789012:role/x",
        "Code": {"ZipFile": "UEsFBgAAAA"},
    }

    status, said = send(
        "lambda",
        query,
        {"Content-Type": "application/json", **headers},
        json.dumps(made).encode(),
        "lambda:ListFunctions",
        "/2015-03-31/functions",
    )

    assert (status, "named by" in said) == (400, True), said
    assert client("lambda").list_functions()["Functions"] == []


def test_an_old_version_is_copied_with_the_right_to_it_however_it_is_named(client, role_of):
    s3 = client("s3")
    s3.create_bucket(Bucket="versions-of-one")
    s3.put_bucket_versioning(Bucket="versions-of-one", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket="versions-of-one", Key="key", Body=b"old")["VersionId"]
    s3.put_object(Bucket="versions-of-one", Key="key", Body=b"new")
    mine = role_of(
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": "arn:aws:s3:::versions-of-one/*",
        }
    )
    own = client("s3", credentials=mine)

    sources = []
    # As they stand: boto3 would encode them.
    own.meta.events.register(
        "before-sign.s3",
        lambda request, **_: request.headers.replace_header("x-amz-copy-source", sources[-1]),
    )

    def copy(source):
        sources.append(source)
        own.copy_object(Bucket="versions-of-one", Key="copy", CopySource="versions-of-one/key")

    copy("versions-of-one/key")
    for name in ("versionId", "%76ersionId"):
        with pytest.raises(ClientError, match="AccessDenied"):
            copy(f"versions-of-one/key?{name}={old}")


def test_a_query_reads_the_log_groups_that_the_policy_allows(client, role_of):
    logs = client("logs")
    for name in ("mine", "theirs"):
        logs.create_log_group(logGroupName=name)
    where = "arn:aws:logs:us-east-1:123456789012:log-group:mine"
    own = client(
        "logs", credentials=role_of({"Effect": "Allow", "Action": "logs:StartQuery", "Resource": where})
    )
    what = {"startTime": 0, "endTime": 1, "queryString": "fields @message"}

    assert own.start_query(logGroupNames=["mine"], **what)["queryId"]
    for groups in (
        {"logGroupNames": ["theirs"]},
        {"logGroupName": "mine", "logGroupNames": ["theirs"]},
        {"logGroupName": "mine", "logGroupIdentifiers": ["theirs"]},
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            own.start_query(**groups, **what)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_a_body_that_is_nested_too_deeply_is_refused(send, body):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"}

    status, said = send("dynamodb", "", headers, body, "dynamodb:ListTables")

    assert (status, "nested deeper" in said) == (400, True), said


def test_a_thousand_keys_are_deleted_at_once_and_no_more(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="thousand-keys")
    s3.put_object(Bucket="thousand-keys", Key="0", Body=b"")

    def delete(count):
        keys = [{"Key": str(number)} for number in range(count)]
        return s3.delete_objects(Bucket="thousand-keys", Delete={"Objects": keys})

    with pytest.raises(ClientError, match="MalformedXML"):
        delete(1001)
    s3.head_object(Bucket="thousand-keys", Key="0")
    assert len(delete(1000)["Deleted"]) == 1000


def test_a_compressed_body_is_inflated_up_to_a_bound(client, send):
    headers = {"Content-Type": "application/x-amz-json-1.0", "Content-Encoding": "gzip"}
    target = {"X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData"}
    metric = {"Namespace": "compressed", "MetricData": [{"MetricName": "one", "Value": 1}]}

    def put(body):
        return send("monitoring", "", {**headers, **target}, body, "cloudwatch:PutMetricData")

    status, said = put(gzip.compress(json.dumps(metric).encode()))
    assert status == 200, said
    assert client("cloudwatch").list_metrics(Namespace="compressed")["Metrics"]
    zeroes = gzip.compress(bytes(10_000_000))
    assert (put(zeroes * 2)[0], "inflates to more than" in put(zeroes * 2)[1]) == (400, True)
    for broken in (zeroes[:100], zeroes[:10] + b"\xff" * 100, b"none"):
        status, said = put(broken)
        assert (status, "not gzip" in said) == (400, True), said
