"""The metadata service: tokens first, then the credentials of the execution role, renewed in time."""

import json

import pytest

from interpreter_local.network.metadata import Credentials, Metadata, NotAssumableError

CREDENTIALS = "/latest/meta-data/iam/security-credentials/"


class Minting:
    """Role sessions of an hour, by a clock that a test moves."""

    def __init__(self):
        self.now, self.minted, self.refusal = 1_800_000_000.0, 0, None

    def mint(self):
        if self.refusal:
            raise NotAssumableError(self.refusal)
        self.minted += 1
        return Credentials(f"ASIA{self.minted}", "secret", "token", self.now + 3600)


@pytest.fixture
def minting():
    return Minting()


@pytest.fixture
def service(minting):
    return Metadata("eu-west-1", minting.mint, now=lambda: minting.now)


@pytest.fixture
def get(ask):
    """`get(service, path)` with a new token."""

    def read(service, path, **headers):
        if "token" not in headers:
            headers["token"] = token_of(ask, service)
        return ask(
            service, f"GET {path} HTTP/1.1", "Host: m", f"X-aws-ec2-metadata-token: {headers['token']}"
        )

    return read


def token_of(ask, service, ttl="60"):
    status, headers, token = ask(
        service, "PUT /latest/api/token HTTP/1.1", "Host: m", f"X-aws-ec2-metadata-token-ttl-seconds: {ttl}"
    )
    assert (status, headers["x-aws-ec2-metadata-token-ttl-seconds"]) == (200, ttl)
    return token


@pytest.mark.parity(
    "The metadata service at 169.254.169.254 answers 401 without a token of version 2",
    seen="recorded",
    by="hackerone",
)
def test_nothing_is_told_without_a_token(ask, service):
    """Recorded: 401."""
    assert ask(service, f"GET {CREDENTIALS} HTTP/1.1", "Host: m")[0] == 401
    assert ask(service, f"GET {CREDENTIALS} HTTP/1.1", "Host: m", "X-aws-ec2-metadata-token: guess")[0] == 401


@pytest.mark.parity("The role's credentials are under execution_role", seen="recorded", by="pwning")
def test_the_role_is_called_execution_role(get, service):
    assert get(service, CREDENTIALS)[2] == "execution_role"


def test_credentials_have_the_members_that_sdks_read(get, service):
    found = json.loads(get(service, f"{CREDENTIALS}execution_role")[2])
    assert found.pop("LastUpdated") == "2027-01-15T08:00:00Z"
    assert found == {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIA1",
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": "2027-01-15T09:00:00Z",
    }


def test_credentials_are_renewed_before_sdks_want_new_ones(get, service, minting):
    """botocore asks again when less than 15 minutes are left."""
    path = f"{CREDENTIALS}execution_role"
    keys = []
    for minutes in (0, 20, 15, 40):
        minting.now += minutes * 60
        found = json.loads(get(service, path)[2])
        keys.append(found["AccessKeyId"])
    assert keys == ["ASIA1", "ASIA1", "ASIA2", "ASIA3"]


def test_a_role_that_trusts_no_longer_gives_a_reason_and_no_credentials(get, service, minting):
    minting.refusal = "the trust policy says no"
    found = json.loads(get(service, f"{CREDENTIALS}execution_role")[2])
    assert (found["Code"], found["Message"]) == ("AssumeRoleUnauthorizedAccess", "the trust policy says no")
    assert "SecretAccessKey" not in found


@pytest.mark.parity("Without a role there are no credentials", seen="recorded", by="mcp-server")
def test_without_a_role_there_are_no_credentials(get):
    """Recorded of the managed interpreter: SDKs cannot locate credentials."""
    service = Metadata("eu-west-1", None)
    assert get(service, CREDENTIALS)[0] == 404
    assert get(service, f"{CREDENTIALS}execution_role")[0] == 404


def test_the_region_can_be_asked(get, service):
    assert get(service, "/latest/meta-data/placement/region")[2] == "eu-west-1"


@pytest.mark.parity("Other paths of the metadata service: 404", seen="unrecorded")
@pytest.mark.parametrize("path", ["/", "/latest/user-data", "/latest/meta-data/", f"{CREDENTIALS}other"])
def test_there_is_nothing_else(get, service, path):
    assert get(service, path)[0] == 404


@pytest.mark.parametrize("ttl", ["0", "21601", "-1", "x", "", "1.5"])
def test_a_token_lives_between_a_second_and_six_hours(ask, service, ttl):
    header = f"X-aws-ec2-metadata-token-ttl-seconds: {ttl}"
    assert ask(service, "PUT /latest/api/token HTTP/1.1", "Host: m", header)[0] == 400


def test_a_token_needs_its_time_to_live(ask, service):
    assert ask(service, "PUT /latest/api/token HTTP/1.1", "Host: m")[0] == 400


def test_a_token_ends(ask, get, service, minting):
    token = token_of(ask, service, "60")
    minting.now += 59
    assert get(service, CREDENTIALS, token=token)[0] == 200
    minting.now += 1
    assert get(service, CREDENTIALS, token=token)[0] == 401


def test_a_request_through_a_proxy_gets_no_token(ask, service):
    """As EC2 documents it for version 2."""
    ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
    assert (
        ask(service, "PUT /latest/api/token HTTP/1.1", "Host: m", ttl, "X-Forwarded-For: 10.0.0.1")[0] == 403
    )


def test_the_oldest_tokens_make_room(ask, get, service):
    first = token_of(ask, service)
    for _ in range(256):
        last = token_of(ask, service)
    assert get(service, CREDENTIALS, token=first)[0] == 401
    assert get(service, CREDENTIALS, token=last)[0] == 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_it_is_read_only(ask, service, method):
    assert ask(service, f"{method} {CREDENTIALS} HTTP/1.1", "Host: m")[0] == 405
