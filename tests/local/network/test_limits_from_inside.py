"""What a session does not get: root, administration, other services, regions, networks and sessions."""

import json

import pytest

CREDENTIALS = "http://169.254.169.254/latest/meta-data/iam/security-credentials"
TOKEN = (
    'fetch("http://169.254.169.254/latest/api/token", method="PUT",'
    ' headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}).decode()'
)


def credentials(inside):
    headers = f'{{"X-aws-ec2-metadata-token": {TOKEN}}}'
    return json.loads(
        inside.python(f'print(fetch("{CREDENTIALS}/execution_role", headers={headers}).decode())')
    )


@pytest.mark.parametrize("key", ["test", "123456789012", "AKIAIOSFODNN7EXAMPLE"])
def test_keys_that_stand_for_root_elsewhere_are_nobodys_here(inside, key):
    given = f'aws_access_key_id="{key}", aws_secret_access_key="test", region_name="us-east-1"'
    for call in ('get_object(Bucket=B, Key="b/secret")', "list_buckets()"):
        assert inside.outcome(f'boto3.client("s3", {given}).{call}') == "InvalidAccessKeyId"
    presigned = (
        f'fetch(boto3.client("s3", {given}).generate_presigned_url("get_object",'
        ' Params={"Bucket": B, "Key": "b/secret"}))'
    )
    assert inside.outcome(presigned) == "403"


@pytest.mark.parametrize(
    "target",
    [
        "/_ministack/health",
        "//_ministack/health",
        "/%5Fministack/health",
        "/_localstack/health",
        "/health",
        "/_ministack/reset -X POST",
        "/ --request-target http://localhost/_ministack/health",
    ],
)
@pytest.mark.parametrize("host", ["s3.us-east-1.amazonaws.com", "BUCKET.s3.us-east-1.amazonaws.com"])
def test_administration_is_not_there(inside, host, target):
    url = f"https://{host.replace('BUCKET', inside.bucket)}"
    _, said = inside.shell(f"curl -sS --path-as-is {url}{target} -w '%{{http_code}}'")
    assert "<Error>" in said
    assert said[-3:] in ("400", "403", "404")


@pytest.mark.parametrize(
    ("service", "region", "call"),
    [
        ("sts", "us-east-1", "get_caller_identity()"),
        ("dynamodb", "us-east-1", "list_tables()"),
        ("iam", "us-east-1", "list_roles()"),
        ("bedrock-agentcore-control", "us-east-1", "list_code_interpreters()"),
        ("lambda", "us-east-1", "list_functions()"),
        ("s3control", "us-east-1", 'list_access_points(AccountId="123456789012")'),
        ("s3", "eu-west-1", "list_buckets()"),
    ],
)
def test_other_services_and_regions_cannot_be_connected_to(inside, service, region, call):
    """There they time out (recorded), here they are refused at once."""
    made = f'boto3.client("{service}", region_name="{region}", config=once)'
    assert inside.outcome(f"{made}.{call}") == "EndpointConnectionError"


@pytest.mark.parametrize("host", ["sts.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "localhost"])
def test_the_gateway_is_no_way_to_them_either(inside, host):
    through = f"--connect-to {host}:443:s3.us-east-1.amazonaws.com:443"
    assert inside.shell(f"curl -s -m 5 {through} https://{host}/")[0] != 0
    _, said = inside.shell(
        f"curl -s -m 5 https://s3.us-east-1.amazonaws.com/ -H 'Host: {host}' -w '%{{http_code}}'"
    )
    assert said.endswith("421")


def test_addresses_are_unreachable_at_once(inside):
    """Recorded, with this very address; nothing leaves the session's own network namespace."""
    code, said = inside.shell("curl -sS -m 5 http://93.184.216.34")
    assert code == 7
    assert said.startswith("curl: (7) Failed to connect to 93.184.216.34 port 80 after")


def test_no_other_name_resolves(inside):
    """Recorded: curl's error 6."""
    assert inside.shell("curl -sS https://example.com")[0] == 6
    assert inside.outcome('__import__("socket").gethostbyname("pypi.org")') == "gaierror"


def test_pip_fails_as_recorded(inside):
    code, said = inside.shell("pip install --disable-pip-version-check --retries 0 pytimeparse==1.1.8")
    assert code == 1
    assert (
        "ERROR: Could not find a version that satisfies the requirement pytimeparse==1.1.8"
        " (from versions: none)" in said
    )
    assert "No matching distribution found for pytimeparse==1.1.8" in said


def test_the_resolver_is_as_recorded(inside):
    assert inside.shell("cat /etc/resolv.conf")[1] == "nameserver 127.0.0.2\nsearch .\n"


def test_the_endpoint_itself_cannot_be_reached(inside, variables):
    address = variables["AWS_ENDPOINT_URL"].removeprefix("https://")
    assert inside.shell(f"curl -sk -m 5 https://{address}/_ministack/health")[0] == 7


def test_anonymous_requests_are_answered_as_by_s3(inside):
    """Recorded: 307."""
    _, said = inside.shell("curl -s -o /dev/null -w '%{http_code}' https://s3.us-east-1.amazonaws.com/")
    assert said == "307"
    url = f"https://{inside.bucket}.s3.us-east-1.amazonaws.com/a/x"
    assert inside.shell(f"curl -s -o /dev/null -w '%{{http_code}}' {url}")[1] == "403"
    assert inside.shell(f"curl -s -o /dev/null -w '%{{http_code}}' -X PUT -d x {url}")[1] == "403"


# Credentials


def test_there_is_nothing_in_the_environment(inside):
    """Recorded: neither credentials nor a region."""
    _, said = inside.shell("env")
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert {name for name in names if name.startswith("AWS_")} == {"AWS_CA_BUNDLE"}


def test_the_credentials_are_a_session_of_the_role(inside, client):
    found = credentials(inside)
    mine = {
        "AccessKeyId": found["AccessKeyId"],
        "SecretAccessKey": found["SecretAccessKey"],
        "SessionToken": found["Token"],
    }
    role = inside.role.rpartition("/")[2]
    arn = client("sts", credentials=mine).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::123456789012:assumed-role/{role}/{inside.name['sessionId']}"


def test_the_managed_interpreter_has_none(client):
    """Recorded: Unable to locate credentials."""
    data = client("bedrock-agentcore")
    started = data.start_code_interpreter_session(codeInterpreterIdentifier="aws.codeinterpreter.v1")
    named = {key: started[key] for key in ("codeInterpreterIdentifier", "sessionId")}
    arguments = {"command": "aws s3 ls"}
    [event] = data.invoke_code_interpreter(**named, name="executeCommand", arguments=arguments)["stream"]
    data.stop_code_interpreter_session(**named)
    assert "Unable to locate credentials" in event["result"]["structuredContent"]["stderr"]


def test_each_session_has_its_own(inside, enter, bucket):
    """Two interpreters, two roles: neither sees the other's, for there is no way between them."""
    other = enter(
        bucket, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/b/*"}
    )
    assert credentials(inside)["AccessKeyId"] != credentials(other)["AccessKeyId"]
    assert other.outcome('s3.get_object(Bucket=B, Key="b/secret")["Body"].read()') == "b'secret'"
    assert other.outcome('s3.get_object(Bucket=B, Key="a/x")') == "AccessDenied"
    assert inside.outcome('s3.get_object(Bucket=B, Key="b/secret")') == "AccessDenied"


def test_credentials_end_with_the_session(enter, bucket, client):
    inside = enter(bucket, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    found = credentials(inside)
    mine = {
        "AccessKeyId": found["AccessKeyId"],
        "SecretAccessKey": found["SecretAccessKey"],
        "SessionToken": found["Token"],
    }
    outside = client("s3", credentials=mine)
    assert outside.get_object(Bucket=bucket, Key="a/x")["Body"].read() == b"hello"
    inside.stop()
    with pytest.raises(outside.exceptions.ClientError, match="InvalidAccessKeyId"):
        outside.get_object(Bucket=bucket, Key="a/x")


def test_no_new_credentials_once_the_trust_is_gone(enter, bucket, client, prelude):
    inside = enter(bucket, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, first="")
    nobody = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    client("iam").update_assume_role_policy(RoleName=inside.role.rpartition("/")[2], PolicyDocument=nobody)
    inside.python(prelude)
    assert credentials(inside)["Code"] == "AssumeRoleUnauthorizedAccess"
    assert inside.outcome('s3.get_object(Bucket=B, Key="a/x")') in (
        "NoCredentialsError",
        "CredentialRetrievalError",
    )


# PUBLIC mode


def test_public_sessions_have_the_other_services_as_their_role(public):
    identity = 'boto3.client("sts", region_name="us-east-1").get_caller_identity()["Arn"]'
    assert public.name["sessionId"] in public.outcome(identity)
    assert public.outcome('boto3.client("iam").list_roles()') == "AccessDenied"
    assert public.outcome('s3.get_object(Bucket=B, Key="a/x")["Body"].read()') == "b'hello'"
    assert public.outcome('s3.get_object(Bucket=B, Key="b/secret")') == "AccessDenied"


@pytest.mark.parametrize("service", ["lambda", "cloudformation", "sns"])
def test_no_session_can_have_the_endpoint_run_code_or_call_addresses(public, service):
    call = {"lambda": "list_functions()", "cloudformation": "list_stacks()", "sns": "list_topics()"}[service]
    made = f'boto3.client("{service}", region_name="us-east-1", config=once)'
    assert public.outcome(f"{made}.{call}") == "EndpointConnectionError"


@pytest.mark.parametrize(
    "target", ["AWSLambda.Invoke", "DynamoDB_20120810.ListTables", "secretsmanager.ListSecrets"]
)
def test_a_service_is_what_the_host_says_not_what_the_request_claims(public, target):
    code = (
        "import botocore.auth, botocore.awsrequest, urllib.request\n"
        f'headers = {{"X-Amz-Target": "{target}", "Content-Type": "application/x-amz-json-1.0"}}\n'
        'url = "https://sts.us-east-1.amazonaws.com/2015-03-31/functions"\n'
        'made = botocore.awsrequest.AWSRequest("POST", url, data=b"{}", headers=headers)\n'
        "credentials = boto3.Session().get_credentials()\n"
        'botocore.auth.SigV4Auth(credentials, "sts", "us-east-1").add_auth(made)\n'
        'outcome(lambda: fetch(url, data=b"{}", headers=dict(made.headers.items())))'
    )
    assert public.python(code) in ("400", "403")


@pytest.mark.parametrize("key", ["test", "123456789012"])
def test_public_sessions_are_not_root_either(public, key):
    given = f'aws_access_key_id="{key}", aws_secret_access_key="test", region_name="us-east-1"'
    assert public.outcome(f'boto3.client("sts", {given}).get_caller_identity()') == "InvalidClientTokenId"
    assert public.outcome(f'boto3.client("dynamodb", {given}).list_tables()') == "InvalidClientTokenId"


@pytest.mark.parametrize(
    "target", ["/_ministack/health", "//_ministack/health", "/health", "/_ministack/reset"]
)
def test_public_sessions_have_no_administration_either(public, target):
    url = f"https://sts.us-east-1.amazonaws.com{target}"
    for method in ("GET", "POST"):
        _, said = public.shell(f"curl -sS --path-as-is -X {method} {url} -w ' %{{http_code}}'")
        assert said[-3:] == "403"
        assert "MissingAuthenticationToken" in said


SEND = """
import botocore.auth, botocore.awsrequest, botocore.session
def send(service, method, url, headers, data=b""):
    made = botocore.awsrequest.AWSRequest(method, url, data=data, headers=headers)
    signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    signer(botocore.session.Session().get_credentials(), service, "us-east-1").add_auth(made)
    return fetch(url, method=method, data=data or None, headers=dict(made.headers))
"""
FORM = '{"Content-Type": "application/x-www-form-urlencoded"}'


@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ("", '{"X-Amz-Target": "X.GetObject"}', 'b"changed"'),
        ("?Action=GetObject", "{}", 'b"changed"'),
        ("", FORM, 'b"Action=GetObject"'),
    ],
)
def test_a_reader_of_objects_does_not_become_a_writer_by_naming_another_action(
    enter, bucket, query, headers, body
):
    """Given a role that may only read, and a request that says so but writes, nothing is written."""
    reader = enter(
        bucket, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/a/*"}
    )
    reader.python(SEND)
    url = f'"https://" + B + ".s3.amazonaws.com/a/x{query}"'
    assert reader.outcome(f'send("s3", "PUT", {url}, {headers}, {body})') == "403"
    assert reader.outcome(f'send("s3", "DELETE", {url}, {headers})') == "403"
    assert reader.outcome('s3.get_object(Bucket=B, Key="a/x")["Body"].read()') == "b'hello'"


@pytest.mark.parametrize("key", ["/a/x", "//a/x", "/", "//"])
def test_a_slash_too_many_is_a_part_of_the_key(inside, client, key):
    client("s3").put_object(Bucket=inside.bucket, Key=key, Body=b"beyond")
    assert inside.outcome(f"s3.get_object(Bucket=B, Key={key!r})") == "AccessDenied"
    assert inside.outcome(f's3.put_object(Bucket=B, Key={key!r}, Body=b"")') == "AccessDenied"


CREATE = 'b"Action=CreateUser&UserName=intruder&Version=2010-05-08"'


@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ("", '{"Content-Type": "text/plain"}', CREATE),
        ("?Action=GetUser", FORM, CREATE),
        ("", '{"Content-Type": "text/plain", "X-Amz-Target": "IAMService.GetUser"}', CREATE),
        ("", FORM, 'b"Action=&Action=CreateUser&UserName=intruder&Version=2010-05-08"'),
    ],
)
def test_a_request_that_names_two_operations_or_none_is_refused(public, client, query, headers, body):
    """Given a role without any right in IAM, and a request that hides what it does, nobody is created."""
    public.python(SEND)
    sent = f'send("iam", "POST", "https://iam.amazonaws.com/{query}", {headers}, {body})'
    assert public.outcome(sent) == "400"
    assert "intruder" not in [user["UserName"] for user in client("iam").list_users()["Users"]]


def test_other_services_are_asked_as_clients_ask_them(enter, bucket):
    """Given the rights, queries, forms and JSON go through."""
    allowed = {"Effect": "Allow", "Action": ["cloudwatch:*", "iam:*", "sqs:*", "sts:*"], "Resource": "*"}
    session = enter(bucket, allowed, mode="PUBLIC")
    session.python(
        'made = lambda service: boto3.client(service, region_name="us-east-1")\n'
        'made("iam").create_user(UserName="welcome")\n'
        'made("cloudwatch").put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1}])\n'
        'queue = made("sqs").create_queue(QueueName="q")["QueueUrl"]\n'
        'made("sqs").send_message(QueueUrl=queue, MessageBody="b")\n'
        "fetch(botocore.session.Session().create_client('sts', 'us-east-1').generate_presigned_url("
        "'get_caller_identity', HttpMethod='GET'))\n"
    )
