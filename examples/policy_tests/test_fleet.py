"""What the roles of fleet.yaml may do, as tests: they run on cdk.out, with no AWS account."""

from interpreter_policies.adapters.pytest_plugin import assert_compliant, assert_disjoint, assert_reaches_only

BUCKET = "arn:aws:s3:::demo-interpreters-123456789012-us-east-1"
OWN = {"aws_ResourceAccount": "123456789012"}


def test_analytics_works_in_its_prefix(interpreters):
    role = interpreters["analytics"].role

    assert role.allows("s3:GetObject", f"{BUCKET}/analytics/a.csv", **OWN)
    assert role.allows("s3:PutObject", f"{BUCKET}/analytics/a.csv", **OWN)
    assert role.denies("s3:GetObject", f"{BUCKET}/reports/a.csv", **OWN)
    assert role.allows("s3:ListBucket", BUCKET, s3_prefix="analytics/", **OWN)
    assert role.denies("s3:ListBucket", BUCKET, **OWN)


def test_reports_changes_nothing(interpreters):
    role = interpreters["reports"].role

    assert role.allows("s3:GetObject", f"{BUCKET}/reports/a.csv", **OWN)
    assert role.denies("s3:PutObject", f"{BUCKET}/reports/a.csv", **OWN)


def test_each_reaches_its_storage_and_nothing_else(interpreters):
    """Proven for every action, resource and condition."""
    for one in interpreters.values():
        one.assert_reaches_only_its_storage()
    assert_reaches_only(interpreters["web_research"])


def test_the_fleet(interpreters, pytestconfig):
    assert_disjoint(interpreters)
    assert_compliant(pytestconfig.getoption("--templates"))
