"""Where an interpreter is, from its ARN: partition, Region, account, and the hosts of services there."""

from interpreter_fleet.manifest import Record

# constructs: interpreter_fleet.naming, on every resource of a fleet.
FLEET_TAG = "interpreter-fleet"
_SUFFIX = {"aws-cn": "amazonaws.com.cn"}


def partition_of(record: Record) -> str:
    """Such as aws."""
    return record.arn.split(":")[1]


def region_of(record: Record) -> str:
    """Such as us-east-1."""
    return record.arn.split(":")[3]


def account_of(record: Record) -> str:
    """Its 12 digits."""
    return record.arn.split(":")[4]


def service_host(record: Record, service: str) -> str:
    """The Regional endpoint of a service, as code in a session would name it."""
    return f"{service}.{region_of(record)}.{_SUFFIX.get(partition_of(record), 'amazonaws.com')}"
