"""S3 from code in a session, with a client that is told its region and nothing else."""

import pytest


@pytest.mark.parity(
    "Code reaches S3 with the execution role and can do what the role may", seen="docs", by="developer guide"
)
def test_the_role_gets_puts_lists_and_deletes_beneath_its_prefix(inside):
    assert inside.outcome('s3.get_object(Bucket=B, Key="a/x")["Body"].read()') == "b'hello'"
    assert inside.outcome('s3.put_object(Bucket=B, Key="a/new", Body=b"1")["ETag"]').startswith("'\"")
    listed = '[one["Key"] for one in s3.list_objects_v2(Bucket=B, Prefix="a/")["Contents"]]'
    assert "'a/new'" in inside.outcome(listed)
    assert inside.outcome('s3.delete_object(Bucket=B, Key="a/new") and None') == "None"
    assert "'a/new'" not in inside.outcome(listed)


@pytest.mark.parametrize(
    "call",
    [
        's3.get_object(Bucket=B, Key="b/secret")',
        's3.get_object(Bucket=B, Key="b/missing")',
        's3.put_object(Bucket=B, Key="b/new", Body=b"")',
        's3.put_object(Bucket=B, Key="new", Body=b"")',
        's3.delete_object(Bucket=B, Key="b/secret")',
        "s3.list_objects_v2(Bucket=B)",
        's3.list_objects_v2(Bucket=B, Prefix="b/")',
        's3.list_objects_v2(Bucket=B, Prefix="a")',
        "s3.list_buckets()",
        's3.copy_object(Bucket=B, Key="a/stolen", CopySource={"Bucket": B, "Key": "b/secret"})',
        's3.copy_object(Bucket=B, Key="b/copy", CopySource={"Bucket": B, "Key": "a/x"})',
        's3.create_multipart_upload(Bucket=B, Key="b/parts")',
        's3.create_bucket(Bucket="mine-" + B)',
        "s3.delete_bucket(Bucket=B)",
        's3.put_bucket_policy(Bucket=B, Policy="{}")',
        "s3.get_bucket_policy(Bucket=B)",
    ],
)
def test_beyond_its_prefix_the_role_has_nothing(inside, call):
    assert inside.outcome(call) == "AccessDenied"


def test_dots_in_a_key_lead_nowhere(inside):
    assert inside.outcome('s3.get_object(Bucket=B, Key="a/../b/secret")') == "NoSuchKey"


def test_another_bucket_is_beyond(inside, client):
    client("s3").create_bucket(Bucket=f"other-{inside.bucket}")
    assert inside.outcome('s3.get_object(Bucket="other-" + B, Key="a/x")') == "AccessDenied"
    assert inside.outcome('s3.put_object(Bucket="other-" + B, Key="a/x", Body=b"")') == "AccessDenied"


def test_deleting_many_deletes_only_what_it_may(inside):
    objects = '{"Objects": [{"Key": "b/secret"}]}'
    assert "AccessDenied" in inside.outcome(f"s3.delete_objects(Bucket=B, Delete={objects})['Errors']")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("style", ["virtual", "path"])
def test_presigned_addresses_hold_what_the_role_holds(inside, version, style):
    inside.python(
        f'style = {{"addressing_style": "{style}"}}\n'
        f'options = botocore.config.Config(signature_version="{version}", s3=style)\n'
        'signer = boto3.client("s3", region_name="us-east-1", config=options)\n'
        "def presigned(operation, key):\n"
        "    return signer.generate_presigned_url(operation, Params={'Bucket': B, 'Key': key})"
    )
    assert inside.outcome('fetch(presigned("get_object", "a/x"))') == "b'hello'"
    assert inside.outcome('fetch(presigned("get_object", "b/secret"))') == "403"
    put = '{"method": "PUT", "data": b"p", "headers": {"Content-Type": ""}}'
    assert inside.outcome(f'fetch(presigned("put_object", "a/ü p"), **{put})') == "b''"
    assert inside.outcome(f'fetch(presigned("put_object", "b/p"), **{put})') == "403"


@pytest.mark.parametrize(
    "key",
    [
        "a/_SUCCESS",
        "a/_ministack/health",
        "a/ü ß/%41+&=~",
        "a//twice",
        "a/../dots",
        "a/.",
        "a/a;b?c#d",
        "a/ lead and trail ",
        "a/%2F",
        "a/日本語/😀",
        f"a/{'k' * 1000}",
    ],
)
def test_a_key_is_any_text(inside, key):
    inside.python(f"key = {key!r}")
    assert inside.outcome('s3.put_object(Bucket=B, Key=key, Body=key.encode())["ETag"]').startswith("'")
    assert inside.outcome('s3.get_object(Bucket=B, Key=key)["Body"].read() == key.encode()') == "True"
    assert inside.outcome("s3.delete_object(Bucket=B, Key=key) and None") == "None"


def test_parts_of_an_object(inside):
    inside.python('s3.put_object(Bucket=B, Key="a/ranges", Body=b"0123456789")')
    body = 's3.get_object(Bucket=B, Key="a/ranges", Range="bytes={}")["Body"].read()'
    assert inside.outcome(body.format("2-4")) == "b'234'"
    assert inside.outcome(body.format("-3")) == "b'789'"
    assert inside.outcome(body.format("10-")) == "InvalidRange"


def test_writing_only_what_is_not_there(inside):
    put = 's3.put_object(Bucket=B, Key="a/once", Body=b"", IfNoneMatch="*") and None'
    assert [inside.outcome(put), inside.outcome(put)] == ["None", "PreconditionFailed"]


def test_20_megabytes_in_parts_and_back(inside):
    code = (
        "sent = bytes(range(256)) * 80 * 1024\n"
        's3.upload_fileobj(io.BytesIO(sent), B, "a/parts")\n'
        "received = io.BytesIO()\n"
        's3.download_fileobj(B, "a/parts", received)\n'
        'print(received.getvalue() == sent, "-" in s3.head_object(Bucket=B, Key="a/parts")["ETag"])'
    )
    assert inside.python(code) == "True True"


@pytest.mark.slow
def test_100_megabytes_at_once_and_back(inside):
    code = (
        "sent = bytes(range(256)) * 400 * 1024\n"
        's3.put_object(Bucket=B, Key="a/large", Body=sent)\n'
        'print(s3.get_object(Bucket=B, Key="a/large")["Body"].read() == sent)'
    )
    assert inside.python(code) == "True"


def test_the_aws_cli_works_as_it_is(inside):
    code, said = inside.shell(
        f"echo cli > file && aws s3 cp file s3://{inside.bucket}/a/cli --no-progress"
        f" && aws s3 ls s3://{inside.bucket}/a/cli && aws s3 cp s3://{inside.bucket}/a/cli -"
    )
    assert (code, said.splitlines()[-1]) == (0, "cli")
    code, said = inside.shell(f"aws s3 ls s3://{inside.bucket}/")
    assert code != 0
    assert "AccessDenied" in said


def test_each_region_has_its_own_s3(client, enter):
    """A session in Ireland, a bucket there, and one in Virginia."""
    near, far = "near-from-ireland", "far-from-ireland"
    client("s3", region="eu-west-1").create_bucket(
        Bucket=near, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    client("s3").create_bucket(Bucket=far)
    inside = enter(near, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, region="eu-west-1")
    inside.python('here = boto3.client("s3", region_name="eu-west-1", config=once)')
    assert inside.outcome('here.put_object(Bucket=B, Key="x", Body=b"") and None') == "None"
    assert inside.outcome(f'here.put_object(Bucket="{far}", Key="x", Body=b"")') == "EndpointConnectionError"
    # Signed for Virginia, under the bucket's global name: boto3 is told the right region and signs again.
    assert inside.outcome('s3.put_object(Bucket=B, Key="x", Body=b"") and None') == "None"


@pytest.mark.parametrize("program", ["curl", "node", "python3", "deno"])
def test_clients_trust_the_certificate(inside, program):
    url = "https://s3.us-east-1.amazonaws.com/no-such-bucket/x"
    command = {
        "curl": f"curl -s -o /dev/null -w '%{{http_code}}' {url}",
        "node": f"node -e \"fetch('{url}').then(reply => process.stdout.write(String(reply.status)))\"",
        "deno": f"deno eval --quiet \"console.log(String((await fetch('{url}')).status))\"",
        "python3": (
            "python3 -c \"import http.client as h; c = h.HTTPSConnection('s3.us-east-1.amazonaws.com');"
            " c.request('GET', '/no-such-bucket/x'); print(c.getresponse().status)\""
        ),
    }[program]
    if inside.shell(f"command -v {program}")[0] != 0:
        pytest.skip(f"there is no {program} here")
    assert inside.shell(command)[1].strip() == "404"


def test_a_bucket_policy_counts(client, enter):
    """The role allows everything, the bucket denies what is not encrypted on its way."""
    bucket = "tls-only-from-inside"
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="x", Body=b"hello")
    policy = (
        '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",'
        ' "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}'
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    inside = enter(bucket, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    assert inside.outcome('s3.get_object(Bucket=B, Key="x")["Body"].read()') == "b'hello'"
    plain = 'boto3.client("s3", region_name="us-east-1", use_ssl=False).get_object(Bucket=B, Key="x")'
    assert inside.outcome(plain) == "AccessDenied"


def test_a_permissions_boundary_counts(client, enter, bucket):
    iam = client("iam")
    document = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",'
        ' "Resource": "*"}]}'
    )
    boundary = iam.create_policy(PolicyName=f"boundary-{bucket}", PolicyDocument=document)["Policy"]["Arn"]
    inside = enter(bucket, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    assert inside.outcome('s3.put_object(Bucket=B, Key="c/x", Body=b"") and None') == "None"
    iam.put_role_permissions_boundary(RoleName=inside.role.rpartition("/")[2], PermissionsBoundary=boundary)
    assert inside.outcome('s3.get_object(Bucket=B, Key="b/secret")["Body"].read()') == "b'secret'"
    assert inside.outcome('s3.put_object(Bucket=B, Key="c/x", Body=b"")') == "AccessDenied"


@pytest.mark.parametrize("order", ["<Key>b/secret</Key><Key>a/x</Key>", "<Key>a/x</Key><Key>b/secret</Key>"])
def test_an_object_of_two_names_is_as_protected_as_each(inside, client, order):
    inside.python(
        "import base64, botocore.auth, botocore.awsrequest, botocore.session, hashlib\n"
        "def delete(body):\n"
        "    url = f'https://{B}.s3.amazonaws.com/?delete'\n"
        "    summed = base64.b64encode(hashlib.md5(body).digest()).decode()\n"
        "    headers = {'Content-Type': 'application/xml', 'Content-MD5': summed}\n"
        "    made = botocore.awsrequest.AWSRequest('POST', url, data=body, headers=headers)\n"
        "    credentials = botocore.session.Session().get_credentials()\n"
        "    botocore.auth.S3SigV4Auth(credentials, 's3', 'us-east-1').add_auth(made)\n"
        "    return fetch(url, method='POST', data=body, headers=dict(made.headers))\n"
    )
    said = inside.outcome(f"delete(b'<Delete><Object>{order}</Object></Delete>')")

    assert said == "403"
    assert client("s3").get_object(Bucket=inside.bucket, Key="b/secret")["Body"].read()
