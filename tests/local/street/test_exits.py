"""Ways out by mode: given this VPC, a session's connections, names and AWS endpoints are these."""

import asyncio
import socket
import textwrap
import threading

import pytest

from interpreter_local.network.attachment import Attachment, Way
from interpreter_local.network.aws_names import parse
from interpreter_local.network.exits import Exits

from .conftest import Inside, call, until
from .emulated import CONFIG, EVERYTHING, REGION, ec2, endpoint, rule, table

TRIED = """
import socket
for port in (443, 80):
    try:
        with socket.create_connection(("198.51.100.7", port), 5):
            print(port, "connected")
    except OSError as error:
        print(port, error)
"""


def attachment(mode, session_id="s1"):
    return Attachment(
        account="123456789012",
        region=REGION,
        session_id=session_id,
        interpreter_id="one-0123456789",
        interpreter_arn="arn",
        mode=mode,
        vpc=CONFIG if mode == "VPC" else None,
    )


@pytest.fixture
def exits(street):
    """Ways out on a street; `exits.ec2` is what they read."""

    class WithEc2(Exits):
        def __init__(self):
            super().__init__(street, self.read)
            self.ec2 = ec2(EVERYTHING)
            self.asked = 0

        def read(self, session):
            self.asked += 1
            return self.ec2

    return WithEc2()


@pytest.fixture
def inside(runner, exits):
    """A session in VPC mode, in a namespace of its own."""
    session = attachment("VPC")
    address = runner.run(call(exits.take_address, session))
    made = Inside(runner, address, lambda device: exits.attach(session, device))
    yield made
    made.close()


def resolved(runner, exits, name, mode="PUBLIC"):
    return runner.run(exits.resolver(attachment(mode))(name))


def reach(exits, host):
    return exits.reach(attachment("VPC"))(parse(host))


class TestConnections:
    def test_only_what_the_security_group_allows(self, exits, inside):
        exits.ec2 = ec2(rule(cidr="198.51.100.0/24", ports=(443, 443)))

        assert inside.run(TRIED).splitlines() == ["443 connected", "80 [Errno 113] No route to host"]

    def test_nothing_without_egress_rules(self, street, exits, inside):
        exits.ec2 = ec2()

        said = inside.run(TRIED)

        [port] = street.router._ports.values()
        assert "connected" not in said, port.counts
        assert "out" not in port.counts, said

    def test_nothing_without_a_route_to_a_nat_gateway(self, exits, inside):
        exits.ec2 = ec2(EVERYTHING, tables=[table("rtb-main", main=True)])

        assert "connected" not in inside.run(TRIED)

    def test_never_this_machine_whatever_the_rules(self, exits, inside):
        with socket.create_server(("0.0.0.0", 0)) as server:
            code = f"""
            import socket
            for host in ("10.0.0.1", "127.0.0.1", "169.254.169.254"):
                try:
                    socket.create_connection((host, {server.getsockname()[1]}), 2)
                    print("connected")
                except OSError:
                    continue
            """
            assert inside.run(textwrap.dedent(code)) == ""

    def test_a_rule_that_goes_ends_no_connection_but_the_next_one(self, runner, exits, inside):
        code = """
        import socket, time
        opened = socket.create_connection(("198.51.100.7", 7), 5)
        time.sleep(1.0)
        opened.sendall(b"still open")
        print(opened.recv(100))
        try:
            socket.create_connection(("198.51.100.7", 7), 5)
        except OSError as error:
            print(error)
        """
        told = inside.start(textwrap.dedent(code))
        runner.run(until(lambda: exits.asked))
        exits.ec2 = ec2()

        assert told().splitlines() == ["b'still open'", "[Errno 113] No route to host"]


class TestNames:
    def test_public_sessions_know_the_outside_host(self, runner, exits):
        assert resolved(runner, exits, "outside.test") == ["198.51.100.7"]

    def test_without_internet_there_are_no_other_names(self, runner, exits):
        assert resolved(runner, exits, "localhost") is None
        assert resolved(runner, exits, "example.com") is None

    def test_a_vpc_resolves_unless_it_says_no(self, runner, exits):
        assert resolved(runner, exits, "outside.test", "VPC") == ["198.51.100.7"]

        exits.ec2 = ec2(vpcs={"vpc-1": {"EnableDnsSupport": False}})

        assert resolved(runner, exits, "outside.test", "VPC") is None
        assert reach(exits, f"s3.{REGION}.amazonaws.com") is None

    @pytest.mark.parametrize("name", ["127.0.0.1", "2130706433", "localhost"])
    def test_with_internet_no_name_leads_to_this_machine(self, runner, exits, monkeypatch, name):
        monkeypatch.setattr(type(exits._street), "internet", True)

        assert resolved(runner, exits, name) is None

    @pytest.mark.parametrize("name", ["", ".", "a..b", "label.", "x" * 300])
    def test_with_internet_what_is_no_name_is_not_found(self, runner, exits, monkeypatch, name):
        """A label of a question may hold any byte, dots included."""
        monkeypatch.setattr(type(exits._street), "internet", True)

        assert resolved(runner, exits, name) is None

    def test_names_that_take_long_keep_nobody_waiting_but_other_names(self, runner, exits, monkeypatch):
        monkeypatch.setattr(type(exits._street), "internet", True)
        answered = threading.Event()

        def slow(*args, **kwargs):
            answered.wait(30)
            return []

        monkeypatch.setattr(socket, "getaddrinfo", slow)

        async def look_up_and_start():
            resolve = exits.resolver(attachment("PUBLIC"))
            questions = [asyncio.create_task(resolve(f"slow{number}.test")) for number in range(64)]
            await asyncio.sleep(0.1)
            # As sessions are started.
            started = await asyncio.wait_for(asyncio.to_thread(lambda: "started"), 10)
            waiting = sum(not question.done() for question in questions)
            answered.set()
            return started, waiting, await asyncio.gather(*questions)

        assert runner.run(look_up_and_start()) == ("started", 64, [None] * 64)


class TestAws:
    def test_over_an_endpoint_the_request_says_so(self, exits):
        tables = [table("rtb-private", subnets=["subnet-a", "subnet-b"])]
        gateway = endpoint("s3", "Gateway", RouteTableIds=["rtb-private"], PolicyDocument="{}")
        exits.ec2 = ec2(EVERYTHING, tables=tables, endpoints=[gateway])
        here = Way({"aws:SourceVpc": "vpc-1", "aws:SourceVpce": "vpce-1"}, "{}")

        assert reach(exits, f"s3.{REGION}.amazonaws.com") == here
        assert reach(exits, f"bucket.s3.{REGION}.amazonaws.com") == here
        assert reach(exits, "bucket.s3.amazonaws.com") == here
        assert reach(exits, "bucket.s3.us-east-2.amazonaws.com") is None
        assert reach(exits, f"sts.{REGION}.amazonaws.com") is None

    def test_over_a_nat_gateway_it_comes_from_nowhere(self, exits):
        assert reach(exits, f"sts.{REGION}.amazonaws.com") == Way()
        assert reach(exits, "sts.us-east-2.amazonaws.com") == Way()
        assert reach(exits, "bucket.s3.us-east-2.amazonaws.com") == Way()


class TestAddresses:
    def test_each_session_has_its_own_until_it_gives_it_back(self, runner, exits):
        one, other = attachment("PUBLIC", "one"), attachment("VPC", "other")

        first, second = (runner.run(call(exits.take_address, session)) for session in (one, other))
        assert first != second
        runner.run(call(exits.give_back, one))
        runner.run(call(exits.give_back, one))
        runner.run(call(exits.give_back, other))
        assert not exits._addresses

    def test_sandbox_sessions_have_none(self, runner, exits):
        assert runner.run(call(exits.take_address, attachment("SANDBOX"))) is None


def test_without_a_street_there_is_no_way_out_and_status_says_why(runner):
    exits = Exits(None, lambda session: ec2(), "/dev/net/tun is not usable: Permission denied")

    assert exits.take_address(attachment("PUBLIC")) is None
    assert runner.run(exits.resolver(attachment("PUBLIC"))("outside.test")) is None
    assert exits.enforced == ()
    assert exits.missing == ("egress in PUBLIC and VPC mode: /dev/net/tun is not usable: Permission denied",)
