"""Starts, uses, kills and abandons sessions at random, then counts what is left of them.

`python tests/local/churn.py --minutes 60 [--workers 6] [--seed N]` does so with an endpoint of its own and
exits with 1 if anything stays: processes, mounts, control groups, loop devices, network namespaces, files,
descriptors, threads, memory. It also kills processes of the endpoint's sessions from outside.
"""

import argparse
import contextlib
import os
import random
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".venv/bin/interpreter-local"
MANAGED = "aws.codeinterpreter.v1"
CONNECT = "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 0.2)\nexcept OSError: pass"
# What a call may come to when somebody else killed its session, or stopped it.
EXPECTED = {"ConflictException", "ResourceNotFoundException", "InternalServerException"}
# Seconds that an abandoned session lives.
TTL = 3
# KiB. What is kept on purpose (the newest calls for CloudTrail, the newest sessions that are over) and what
# the allocator keeps; an hour has many thousand sessions, so not even 3 KiB of one may stay.
# Threads are those of pools, which grow to their bounds.
ROOM = {"endpoint memory": 96 * 1024, "template memory": 4 * 1024, "endpoint threads": 12}


class Endpoint:
    """An endpoint of its own in a folder, and what is there of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.before = _mounts()
        subprocess.run([LOCAL, "up", "--home", home, "--port", "0", "--no-rates"], check=True, timeout=120)
        printed = subprocess.run(
            [LOCAL, "env", "--home", home], check=True, capture_output=True, text=True
        ).stdout
        lines = [shlex.split(line)[1] for line in printed.splitlines() if line.startswith("export ")]
        self.variables = dict(line.split("=", 1) for line in lines)
        self.pid = int((home / "endpoint.json").read_text().partition('"pid": ')[2].partition(",")[0])

    def client(self, service: str = "bedrock-agentcore", read_timeout: float = 60):
        return boto3.client(
            service,
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            verify=self.variables["AWS_CA_BUNDLE"],
            region_name="us-east-1",
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
        )

    def template(self) -> int:
        """The process that sessions are forked from: bubblewrap's grandchild."""
        [outer] = [pid for pid in _children(self.pid) if "bwrap" in _line(pid)]
        [inner] = _children(outer)
        [template] = _children(inner)
        return template

    def sessions(self) -> list[int]:
        """Process 1 of every session."""
        return _children(self.template())

    def counts(self) -> dict[str, int]:
        template = self.template()
        inode = f"{os.stat(self.home).st_ino:x}"
        return {
            "processes": len(_family(self.pid)),
            "mounts of the machine": _mounts(),
            "mounts of the endpoint": len(Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()),
            "loop devices": _loops(str(self.home)),
            "control groups": sum(1 for path in _groups() if f"interpreter-local-{inode}-" in path),
            "network namespaces": len({_namespace(pid) for pid in _family(self.pid)}),
            "files": sum(len(files) + len(folders) for _, folders, files in os.walk(self.home)),
            "endpoint descriptors": len(os.listdir(f"/proc/{self.pid}/fd")),
            "endpoint threads": len(os.listdir(f"/proc/{self.pid}/task")),
            "endpoint memory": _memory(self.pid),
            "template descriptors": len(os.listdir(f"/proc/{template}/fd")),
            "template memory": _memory(template),
        }

    def down(self) -> dict[str, int]:
        """Ends the endpoint; what the machine has more than before it."""
        family = _family(self.pid)
        subprocess.run([LOCAL, "down", "--home", self.home], check=True, timeout=60)
        mounts = self.before
        deadline = time.monotonic() + 10
        while (
            left := [pid for pid in family if Path(f"/proc/{pid}").exists()]
        ) and time.monotonic() < deadline:
            time.sleep(0.1)
        return {
            "processes after the end": len(left),
            "mounts after the end": max(0, _mounts() - mounts),
            "loop devices after the end": _loops(str(self.home)),
            "session folders after the end": len(list((self.home / "sessions").iterdir())),
        }


class Churn:
    """One worker's life: acts at random until told to end."""

    def __init__(self, endpoint: Endpoint, seed: int) -> None:
        self.endpoint = endpoint
        self.random = random.Random(seed)
        self.data = endpoint.client()
        self.hasty = endpoint.client(read_timeout=0.15)
        self.control = endpoint.client("bedrock-agentcore-control")
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, end: Callable[[], bool]) -> None:
        acts = [
            *[self.work] * 6, self.kill_kernel, self.kill_agent, self.kill_from_outside, self.time_out,
            self.vanish_at_start, self.vanish_in_call, self.leave_running, self.own_interpreter, self.flood,
        ]  # fmt: skip
        while not end():
            act = self.random.choice(acts)
            try:
                act()
                self.done[act.__name__] += 1
            except ClientError as error:
                code = error.response["Error"]["Code"]
                self.done[f"{act.__name__}: {code}"] += 1
                if code not in EXPECTED:
                    self.wrong.append(f"{act.__name__}: {error}")
            except (ConnectionClosedError, ReadTimeoutError) as error:
                self.wrong.append(f"{act.__name__}: {error}")

    def start(self, interpreter: str = MANAGED, seconds: int = 60) -> dict[str, str]:
        reply = self.data.start_code_interpreter_session(
            codeInterpreterIdentifier=interpreter, sessionTimeoutSeconds=seconds
        )
        return {"codeInterpreterIdentifier": interpreter, "sessionId": reply["sessionId"]}

    def invoke(self, session: dict[str, str], tool: str = "executeCode", client=None, **arguments):
        if tool == "executeCode":
            arguments = {"language": "python", **arguments}
        client = client or self.data
        reply = client.invoke_code_interpreter(**session, name=tool, arguments=arguments)
        [event] = reply["stream"]
        return event["result"]

    def stop(self, session: dict[str, str]) -> None:
        self.data.stop_code_interpreter_session(**session)

    def work(self) -> None:
        session = self.start()
        number = self.random.randrange(10**6)
        said = self.invoke(session, code=f"print({number} * 2)")["structuredContent"]
        # Another worker may have killed the kernel: then it says so.
        if said["exitCode"] != 137 and said["stdout"] != str(number * 2):
            self.wrong.append(f"work: {said} for {number} * 2")
        if self.random.random() < 0.4:
            self.invoke(session, "writeFiles", content=[{"path": "a/b", "text": "x" * 10**6}])
            self.invoke(session, "executeCommand", command="ls -la a; find / -xdev -name b > found 2>&1")
        self.stop(session)

    def kill_kernel(self) -> None:
        session = self.start()
        self.invoke(
            session, code=self.random.choice(["import os; os._exit(3)", "import os; os.kill(os.getpid(), 9)"])
        )
        self.invoke(session, code="1 + 1")
        self.stop(session)

    def kill_agent(self) -> None:
        session = self.start()
        try:
            self.invoke(
                session, code=self.random.choice(["import os; os.kill(2, 9)", "import os; os.kill(-1, 9)"])
            )
        finally:
            self.stop(session)

    def kill_from_outside(self) -> None:
        """A process of some session, perhaps another worker's."""
        session = self.start()
        with contextlib.suppress(ProcessLookupError, IndexError, FileNotFoundError, PermissionError):
            family = _family(self.random.choice(self.endpoint.sessions()))
            os.kill(self.random.choice(family), signal.SIGKILL)
        try:
            self.invoke(session, code="1 + 1")
        finally:
            self.stop(session)

    def time_out(self) -> None:
        session = self.start(seconds=1)
        self.invoke(session, code="import time; time.sleep(5)")

    def vanish_at_start(self) -> None:
        """The client is gone before the reply; its session has its time to live."""
        url = f"{self.data.meta.endpoint_url}/code-interpreters/{MANAGED}/sessions/start"
        body = b'{"sessionTimeoutSeconds": %d}' % TTL
        request = AWSRequest("PUT", url, data=body)
        key = Credentials(self.endpoint.variables["AWS_ACCESS_KEY_ID"], "local")
        SigV4Auth(key, "bedrock-agentcore", "us-east-1").add_auth(request)
        where = urlsplit(url)
        headers = {"Host": where.netloc, "Content-Length": str(len(body)), **request.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        context = ssl.create_default_context(cafile=self.endpoint.variables["AWS_CA_BUNDLE"])
        plain = socket.create_connection((where.hostname, where.port))
        with context.wrap_socket(plain, server_hostname=where.hostname) as secure:
            secure.sendall(f"PUT {where.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
            time.sleep(self.random.random() * 0.1)

    def vanish_in_call(self) -> None:
        session = self.start(seconds=TTL)
        with contextlib.suppress(ReadTimeoutError):
            self.invoke(session, client=self.hasty, code="import time; print('x' * 10**7); time.sleep(2)")

    def leave_running(self) -> None:
        session = self.start()
        self.invoke(
            session, "startCommandExecution", command="sleep 600 & setsid sleep 600 & yes > /dev/null"
        )
        self.invoke(
            session,
            "executeCommand",
            command="for i in 1 2 3; do (setsid sleep 500 &); done; exec 3<>/dev/ptmx",
        )
        self.stop(session)

    def own_interpreter(self) -> None:
        name = f"c{self.random.randrange(10**12)}"
        made = self.control.create_code_interpreter(
            name=name, networkConfiguration={"networkMode": self.random.choice(["SANDBOX", "PUBLIC"])}
        )["codeInterpreterId"]
        try:
            session = self.start(made)
            self.invoke(session, code=CONNECT)
            self.stop(session)
        finally:
            self.control.delete_code_interpreter(codeInterpreterId=made)

    def flood(self) -> None:
        session = self.start(seconds=5)
        self.invoke(session, code="import os\nfor _ in range(500): os.write(1, b'y' * 65536)")
        self.invoke(session, code="import os\nfor n in range(500): open(f'f{n}', 'w').write('z' * 10000)")
        self.stop(session)


def churn(
    home: Path, seconds: float, workers: int, seed: int, say: Callable[[str], None] = print
) -> list[str]:
    """What went wrong, and what stayed; empty when all is as it was."""
    endpoint = Endpoint(home)
    wrong: list[str] = []
    try:
        lives = [Churn(endpoint, seed + number) for number in range(workers)]
        # What is made once and stays (threads, caches, arenas of the allocator) is there after a first round.
        _live(lives, min(20.0, seconds / 4))
        before = _settled(endpoint, None)
        sessions = sum(life.done.total() for life in lives)
        _live(lives, seconds)
        after = _settled(endpoint, before)
        did: Counter[str] = sum((life.done for life in lives), Counter())
        say(f"{did.total() - sessions} acts in {seconds:g} s, seed {seed}: {dict(sorted(did.items()))}")
        for name, value in after.items():
            say(f"{name:>24} {before[name]:>9} {value:>9}")
        wrong += [one for life in lives for one in life.wrong]
        wrong += _more(before, after)
    finally:
        wrong += [f"{name}: {value}" for name, value in endpoint.down().items() if value]
    return wrong


def _live(lives: list[Churn], seconds: float) -> None:
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=life.run, args=(lambda: time.monotonic() > end,)) for life in lives]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _settled(endpoint: Endpoint, before: dict[str, int] | None, seconds: float = 40) -> dict[str, int]:
    """The counts once nothing of a session is left, or `seconds` later."""
    deadline = time.monotonic() + seconds
    data = endpoint.client()
    # Abandoned sessions live for their time; idle connections are closed by the server after 5 s.
    time.sleep(TTL + 6)
    while time.monotonic() < deadline:
        alive = data.list_code_interpreter_sessions(codeInterpreterIdentifier=MANAGED, status="READY")[
            "items"
        ]
        counts = endpoint.counts()
        if not alive and not endpoint.sessions() and (before is None or not _more(before, counts)):
            break
        time.sleep(0.5)
    data.close()
    return endpoint.counts()


def _more(before: dict[str, int], after: dict[str, int]) -> list[str]:
    return [
        f"{name}: {before[name]} before, {value} after"
        for name, value in after.items()
        if value > before[name] + ROOM.get(name, 0)
    ]


def _line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _children(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        found += _children(one)
    return found


def _namespace(pid: int) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/net")
    return ""


def _mounts() -> int:
    return len(Path("/proc/self/mountinfo").read_text().splitlines())


def _loops(within: str) -> int:
    found = 0
    for file in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            found += within in file.read_text()
    return found


def _groups() -> list[str]:
    return [path for path, _, _ in os.walk("/sys/fs/cgroup")]


def _memory(pid: int) -> int:
    """In KiB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="interpreter-churn-") as home:
        wrong = churn(Path(home), options.minutes * 60, options.workers, options.seed)
    for one in wrong[:50]:
        print(f"wrong: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
