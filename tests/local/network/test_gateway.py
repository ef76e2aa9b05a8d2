"""What the gateway lets through to AWS, and in which form; each request as it goes over the wire."""

import json
import re

import pytest

from interpreter_local.network import replies
from interpreter_local.network.attachment import Attachment, Way, public_reach, sandbox_reach
from interpreter_local.network.gateway import (
    MOST_BODY_BYTES,
    MOST_DOCUMENT_BYTES,
    MOST_REQUEST_BYTES,
    Gateway,
)

S3 = "Host: s3.us-east-1.amazonaws.com"
BUCKET = "Host: fleet-bucket.s3.us-east-1.amazonaws.com"
KEY = "ASIAAAAAAAAAAAAAAAAA"
SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=d&X-Amz-SignedHeaders=host&X-Amz-Signature=s"


def authorization(key=KEY, region="us-east-1", service="s3"):
    return (
        f"Authorization: AWS4-HMAC-SHA256 Credential={key}/20261124/{region}/{service}/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    )


class Recorder:
    """Stands in for AWS: keeps what arrives, reads its body, answers `answered`."""

    def __init__(self):
        self.seen = []
        self.bodies = []

    def usable(self, access_key, headers, query):
        return access_key.startswith("ASIA")

    def bucket_region(self, bucket):
        return {"fleet-bucket": "us-east-1", "far-bucket": "eu-west-1"}.get(bucket)

    async def forward(self, scope, receive, send, routed):
        self.seen.append((scope, routed))
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        await replies.text(send, 200, "answered")


@pytest.fixture
def aws():
    return Recorder()


def session(mode, region="us-east-1"):
    return Attachment("123456789012", region, "01M", "i", "arn:i", mode)


@pytest.fixture
def sandbox(aws):
    one = session("SANDBOX")
    return Gateway(one, sandbox_reach(one), aws)


@pytest.fixture
def public(aws):
    return Gateway(session("PUBLIC"), public_reach, aws)


@pytest.fixture
def refused(ask, aws):
    """`refused(gateway, *lines)` → status and code of S3's error; nothing went to AWS."""

    def run(gateway, *lines, body=b""):
        status, headers, text = ask(gateway, *lines, body=body)
        assert aws.seen == []
        assert headers["connection"] == "close"  # a body that nobody read must not be taken for a request
        code = re.search("<Code>(.*)</Code>", text)
        return status, code[1] if code else text

    return run


# Which endpoint


@pytest.mark.parametrize(
    ("host", "target", "path"),
    [
        (S3, "/fleet-bucket/a/x", "/fleet-bucket/a/x"),
        (BUCKET, "/a/x", "/fleet-bucket/a/x"),
        (BUCKET, "/", "/fleet-bucket/"),
        (BUCKET, "//a", "/fleet-bucket//a"),
        (BUCKET, "/_ministack/reset", "/fleet-bucket/_ministack/reset"),
        (BUCKET, "/%5Fx%2Fy%20%C3%BC?list-type=2", "/fleet-bucket/_x/y ü"),
        ("Host: my.dotted.bucket.s3.amazonaws.com", "/k", "/my.dotted.bucket/k"),
        (f"{BUCKET}:443", "/k", "/fleet-bucket/k"),
    ],
)
def test_s3_gets_the_bucket_in_the_path_whatever_the_host(ask, sandbox, aws, host, target, path):
    assert ask(sandbox, f"GET {target} HTTP/1.1", host, authorization())[0] == 200
    [(scope, routed)] = aws.seen
    assert (scope["path"], routed.path, routed.service) == (path, path, "s3")
    # What was signed stays as it was.
    assert scope["raw_path"].decode() == target.partition("?")[0]


@pytest.mark.parametrize(
    "host",
    [
        "Host: sts.us-east-1.amazonaws.com",
        "Host: s3.eu-west-1.amazonaws.com",
        "Host: s3-control.us-east-1.amazonaws.com",
        "Host: localhost",
        "Host: 127.0.0.1:4566",
        "Host: s3.us-east-1.amazonaws.com:4566",
        "Host: fleet-bucket.s3.localhost",
        "Host:",
        "X-Host: nothing",
    ],
)
def test_only_the_host_header_counts_and_sandbox_has_s3_of_its_region(refused, sandbox, host):
    assert refused(sandbox, "GET /fleet-bucket/x HTTP/1.1", host, authorization())[0] == 421


def test_a_target_with_another_host_is_still_for_the_host_header(ask, sandbox, aws):
    ask(sandbox, "GET http://localhost/_ministack/health HTTP/1.1", BUCKET, authorization())
    assert aws.seen[0][1].path == "/fleet-bucket/_ministack/health"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/_ministack/health", "InvalidBucketName"),
        ("/%5Fministack/health", "InvalidBucketName"),
        ("//_ministack/health", "InvalidURI"),
        ("/_localstack/health", "InvalidBucketName"),
        ("/Execute", "InvalidBucketName"),
        ("/%00/x", "InvalidBucketName"),
        ("/a/x", "InvalidBucketName"),
    ],
)
def test_what_is_no_bucket_goes_nowhere(refused, sandbox, target, code):
    assert refused(sandbox, f"GET {target} HTTP/1.1", S3, authorization()) == (400, code)


@pytest.mark.parametrize("name", ["Host", "Authorization", "X-Amz-Date", "X-Amz-Security-Token"])
def test_nothing_that_decides_may_come_twice(refused, sandbox, name):
    lines = [BUCKET, authorization(), "X-Amz-Date: d", "X-Amz-Security-Token: t"]
    twice = next(line for line in lines if line.startswith(name))
    assert refused(sandbox, "GET / HTTP/1.1", *lines, twice) == (400, "InvalidRequest")


def test_what_only_a_proxy_may_say_is_dropped(ask, sandbox, aws):
    """MiniStack would take it for a TLS connection from another address."""
    said = [
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 10.0.0.1",
        "X-Amz-Request-Route: r",
        "X-Ministack-X: 1",
    ]
    ask(sandbox, "GET / HTTP/1.1", BUCKET, authorization(), *said)
    names = {name for name, _ in aws.seen[0][0]["headers"]}
    assert names == {b"host", b"authorization", b"connection"}


# As whom


@pytest.mark.parametrize("key", ["test", "123456789012", "AKIAROOT", "x"])
def test_keys_that_aws_would_not_know_are_refused(refused, sandbox, key):
    expected = (403, "InvalidAccessKeyId")
    assert refused(sandbox, "GET /x HTTP/1.1", BUCKET, authorization(key)) == expected
    presigned = f"{SIGNED}&X-Amz-Credential={key}/20261124/us-east-1/s3/aws4_request"
    assert refused(sandbox, f"GET /x?{presigned} HTTP/1.1", BUCKET) == expected
    version_2 = f"AWSAccessKeyId={key}&Signature=s&Expires=1900000000"
    assert refused(sandbox, f"GET /x?{version_2} HTTP/1.1", BUCKET) == expected


def test_presigned_requests_of_either_version_go_through(ask, sandbox, aws):
    credential = f"{KEY}/20261124/us-east-1/s3/aws4_request"
    for query in (
        f"{SIGNED}&X-Amz-Credential={credential}&X-Amz-Security-Token=t",
        f"AWSAccessKeyId={KEY}&Signature=s&Expires=1900000000&x-amz-security-token=t",
    ):
        assert ask(sandbox, f"GET /a/x?{query} HTTP/1.1", BUCKET)[0] == 200
    # Version 2 signs the bucket with the path.
    assert [scope["raw_path"] for scope, _ in aws.seen] == [b"/a/x", b"/fleet-bucket/a/x"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (f"X-Amz-Credential={KEY}/20261124/us-east-1/s3/aws4_request", "AuthorizationQueryParametersError"),
        (f"x-amz-credential={KEY}/20261124/us-east-1/s3/aws4_request", "AuthorizationQueryParametersError"),
        (f"{SIGNED}&X-Amz-Credential={KEY}", "AuthorizationQueryParametersError"),
        (f"{SIGNED}&X-Amz-Credential=a/1/r/s3/aws4_request", "AuthorizationQueryParametersError"),
        (
            f"{SIGNED}&X-Amz-Credential={KEY}/20261124/us-east-1/s3/aws4_request"
            "&X-Amz-Credential=test/20261124/us-east-1/s3/aws4_request",
            "AuthorizationQueryParametersError",
        ),
        (
            f"{SIGNED}&X-Amz-Credential={KEY}/20261124/us-east-1/s3/aws4_request&AWSAccessKeyId=test",
            "AuthorizationQueryParametersError",
        ),
        (f"AWSAccessKeyId={KEY}", "AuthorizationQueryParametersError"),
        ("AWSAccessKeyId=test&awsaccesskeyid=x", "AuthorizationQueryParametersError"),
    ],
)
def test_a_query_that_is_signed_by_halves_is_refused(refused, sandbox, query, code):
    assert refused(sandbox, f"GET /a/x?{query} HTTP/1.1", BUCKET) == (400, code)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("AWS test:signature", "InvalidRequest"),
        ("Basic dGVzdDp0ZXN0", "InvalidRequest"),
        ("AWS4-ECDSA-P256-SHA256 Credential=x/20261124/s3/aws4_request", "InvalidRequest"),
        ("AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 Credential=test", "AuthorizationHeaderMalformed"),
        (
            authorization()
            .partition(": ")[2]
            .replace("Credential=", "X=Credential=test/1/r/s3/, Credential="),
            "AuthorizationHeaderMalformed",
        ),
    ],
)
def test_an_authorization_is_read_strictly_or_not_at_all(refused, sandbox, value, code):
    assert refused(sandbox, "GET / HTTP/1.1", BUCKET, f"Authorization: {value}") == (400, code)


def test_a_request_is_signed_in_one_place(refused, sandbox):
    query = "AWSAccessKeyId=test&Signature=s&Expires=1900000000"
    lines = (f"GET /x?{query} HTTP/1.1", BUCKET, authorization())
    assert refused(sandbox, *lines) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("region", "service"), [("eu-west-1", "s3"), ("us-east-1", "sts"), ("us-east-1", "iam")]
)
def test_a_signature_is_for_this_endpoint(refused, sandbox, region, service):
    signed = authorization(region=region, service=service)
    assert refused(sandbox, "GET / HTTP/1.1", BUCKET, signed) == (400, "AuthorizationHeaderMalformed")


@pytest.mark.parametrize("query", ["acl&tagging", "select&uploads", "uploadId=1&restore", "policy=&location"])
def test_a_request_is_about_one_thing(refused, sandbox, query):
    """As in S3: what it would be allowed as, and what would be done, could be two things."""
    assert refused(sandbox, f"POST /a/x?{query} HTTP/1.1", BUCKET, authorization()) == (
        400,
        "InvalidArgument",
    )


def test_a_form_that_carries_its_own_signature_is_refused(refused, sandbox):
    """Its key is in the body, where nobody has looked yet."""
    form = "Content-Type: multipart/form-data; boundary=x"
    for signed in ([], [authorization()]):
        lines = ("POST / HTTP/1.1", BUCKET, form, "Content-Length: 0", *signed)
        assert refused(sandbox, *lines) == (403, "AccessDenied")


# As nobody


def test_an_anonymous_visitor_of_s3_is_sent_to_its_page(ask, sandbox):
    """Recorded: 307."""
    status, headers, _ = ask(sandbox, "GET / HTTP/1.1", S3)
    assert (status, headers["location"]) == (307, "https://aws.amazon.com/s3/")


def test_anonymous_reading_is_for_s3_to_decide(ask, sandbox, aws):
    assert ask(sandbox, "GET /a/x HTTP/1.1", BUCKET)[0] == 200
    assert len(aws.seen) == 1


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_nothing_is_changed_anonymously(refused, sandbox, method):
    for target in ("/", "/key"):
        lines = (f"{method} {target} HTTP/1.1", BUCKET, "Content-Length: 0")
        assert refused(sandbox, *lines) == (403, "AccessDenied")


# Regions


@pytest.mark.parametrize("host", ["s3.us-east-1.amazonaws.com", "far-bucket.s3.amazonaws.com"])
def test_a_bucket_of_another_region_is_elsewhere(refused, sandbox, host):
    target = "/x" if host.startswith("far") else "/far-bucket/x"
    for signed in ([], [authorization()]):
        lines = (f"GET {target} HTTP/1.1", f"Host: {host}", *signed)
        assert refused(sandbox, *lines) == (301, "PermanentRedirect")


def test_the_global_name_without_a_bucket_is_that_of_us_east_1(refused, aws):
    one = session("SANDBOX", "eu-west-1")
    gateway = Gateway(one, sandbox_reach(one), aws)
    lines = ("GET / HTTP/1.1", "Host: s3.amazonaws.com", authorization(region="eu-west-1"))
    assert refused(gateway, *lines)[0] == 421


# Bodies


def test_a_body_arrives_whole(ask, sandbox, aws):
    body = bytes(range(256)) * 4096
    lines = ("PUT /a/x HTTP/1.1", BUCKET, authorization(), f"Content-Length: {len(body)}")
    assert ask(sandbox, *lines, body=body)[0] == 200
    assert aws.bodies == [body]


def test_chunks_need_the_length_of_what_they_carry(ask, refused, sandbox, aws):
    """As SDKs send them: framed, with a checksum behind."""
    lines = ("PUT /a/x HTTP/1.1", BUCKET, authorization(), "Transfer-Encoding: chunked")
    assert refused(sandbox, *lines, body=b"0\r\n\r\n") == (411, "MissingContentLength")
    length = "X-Amz-Decoded-Content-Length: 3"
    assert ask(sandbox, *lines, length, body=b"3\r\nabc\r\n0\r\n\r\n")[0] == 200
    assert aws.bodies == [b"abc"]


def test_more_than_was_announced_is_cut_off(ask, sandbox, aws):
    lines = ("PUT /a/x HTTP/1.1", BUCKET, authorization(), "Transfer-Encoding: chunked")
    body = b"2000\r\n" + b"x" * 0x2000 + b"\r\n0\r\n\r\n"
    status, _, text = ask(sandbox, *lines, "X-Amz-Decoded-Content-Length: 3", body=body)
    assert (status, "IncompleteBody" in text) == (400, True)
    assert aws.bodies == []


def test_a_body_has_a_limit(refused, sandbox):
    lines = ("PUT /a/x HTTP/1.1", BUCKET, authorization(), f"Content-Length: {MOST_BODY_BYTES + 1}")
    assert refused(sandbox, *lines) == (400, "EntityTooLarge")


@pytest.mark.parametrize(
    "request_line",
    [
        "POST /a?delete HTTP/1.1",
        "POST /a/x?uploadId=1 HTTP/1.1",
        "PUT /a?policy HTTP/1.1",
        "PUT /a/x?tagging HTTP/1.1",
        "PUT /a/x?tagging&uploadId=1 HTTP/1.1",
        "POST /a/x HTTP/1.1",
    ],
)
def test_what_is_no_content_of_an_object_has_a_lower_limit(refused, sandbox, request_line):
    """It is read whole, into objects that take many times its size, before IAM has its say."""
    lines = (request_line, BUCKET, authorization(), f"Content-Length: {MOST_DOCUMENT_BYTES + 1}")
    status, code = refused(sandbox, *lines)
    assert (status, code in ("EntityTooLarge", "InvalidArgument")) == (400, True)


def test_a_part_of_an_object_is_content(ask, sandbox, aws):
    body = bytes(MOST_DOCUMENT_BYTES + 1)
    request_line = "PUT /a/x?partNumber=1&uploadId=1 HTTP/1.1"
    lines = (request_line, BUCKET, authorization(), f"Content-Length: {len(body)}")
    assert ask(sandbox, *lines, body=body)[0] == 200
    assert aws.bodies == [body]


def test_requests_to_other_services_have_a_lower_limit_too(refused, public):
    host, signed = "Host: dynamodb.us-east-1.amazonaws.com", authorization(service="dynamodb")
    lines = ("POST / HTTP/1.1", host, signed, f"Content-Length: {MOST_REQUEST_BYTES + 1}")
    assert refused(public, *lines) == (400, "EntityTooLarge")


# Other modes


def test_public_has_other_services_and_regions(ask, public, aws):
    for host, signed in (
        ("sts.us-east-1.amazonaws.com", authorization(service="sts")),
        ("iam.amazonaws.com", authorization(service="iam")),
        ("s3.eu-west-1.amazonaws.com", authorization(region="eu-west-1")),
    ):
        assert ask(public, "POST / HTTP/1.1", f"Host: {host}", signed, "Content-Length: 0")[0] == 200
    assert [routed.service for _, routed in aws.seen] == ["sts", "iam", "s3"]


@pytest.mark.parametrize(
    "target", ["/_ministack/reset", "//_ministack/reset", "/%5fministack/reset", "/_alb/x"]
)
def test_no_mode_has_administrative_paths(refused, public, target):
    host = "Host: sts.us-east-1.amazonaws.com"
    lines = (f"POST {target} HTTP/1.1", host, authorization(service="sts"), "Content-Length: 0")
    assert refused(public, *lines)[0] == 404


def test_no_mode_has_requests_that_nobody_signed_but_to_s3(refused, public):
    form = "Content-Type: application/x-www-form-urlencoded"
    lines = ("POST / HTTP/1.1", "Host: sts.us-east-1.amazonaws.com", "Content-Length: 0", form)
    assert refused(public, *lines) == (403, "MissingAuthenticationToken")


def test_no_mode_has_services_that_would_act_outside_of_the_sandbox(ask, aws):
    """Whatever the mode's own answer is: they run code on this machine, or call its addresses."""
    gateway = Gateway(session("VPC"), lambda name: Way(), aws)
    for service in ("lambda", "cloudformation", "sns", "events", "athena"):
        signed = authorization(service=service)
        lines = ("POST / HTTP/1.1", f"Host: {service}.us-east-1.amazonaws.com", signed, "Content-Length: 0")
        assert ask(gateway, *lines)[0] == 421
    # Nor under the name of another one.
    host = "Host: sts.us-east-1.amazonaws.com"
    lines = ("POST / HTTP/1.1", host, authorization(service="lambda"), "Content-Length: 0")
    assert ask(gateway, *lines)[0] == 400
    assert aws.seen == []


@pytest.mark.parametrize("key", ["test", "123456789012"])
def test_no_mode_has_root(refused, public, key):
    host = "Host: sts.us-east-1.amazonaws.com"
    lines = ("POST / HTTP/1.1", host, authorization(key, service="sts"), "Content-Length: 0")
    status, reply = refused(public, *lines)
    assert (status, json.loads(reply)["__type"]) == (403, "InvalidClientTokenId")


def test_a_way_that_somebody_else_decides_goes_along(ask, aws):
    way = Way({"aws:SourceVpce": "vpce-1"}, "{}")
    gateway = Gateway(session("VPC"), lambda name: way if name.service == "s3" else None, aws)
    assert ask(gateway, "GET / HTTP/1.1", BUCKET, authorization())[0] == 200
    assert aws.seen[0][1].way == way
    assert ask(gateway, "GET / HTTP/1.1", "Host: sts.amazonaws.com", authorization())[0] == 421
