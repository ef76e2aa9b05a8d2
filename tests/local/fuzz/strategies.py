"""Requests drawn from AWS's own input shapes: valid, valid but for one thing, and hostile."""

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

MANAGED = "aws.codeinterpreter.v1"
TOOLS = (
    "executeCode",
    "executeCommand",
    "readFiles",
    "listFiles",
    "removeFiles",
    "writeFiles",
    "startCommandExecution",
    "getTask",
    "stopTask",
)


@dataclass(frozen=True)
class Request:
    """What is sent, before it is signed. `plain` is False where not even the path need be understood."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    plain: bool = True


odd_text = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", " ", "\0", "\r\n", "é" * 30, "\u202e\U0001f4a5", "\ud800", "../" * 20, "%2e%2f", "null"]
    ),
    st.integers(1, 200_000).map(lambda size: "A" * size),
)
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | odd_text
    | st.binary(max_size=30).map(lambda raw: base64.b64encode(raw).decode()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(odd_text, inner, max_size=4),
    max_leaves=8,
)
paths = st.one_of(
    st.sampled_from(
        [
            "a.txt",
            "deep/er/b.csv",
            "ünï/côde.txt",
            ".",
            "",
            "/",
            "/etc/passwd",
            "../../etc/passwd",
            "a/../../b",
            "/opt/amazon/genesis1p-tools/var/c",
            "x" * 300,
            "a\0b",
            "/proc/self/environ",
            "/dev/zero",
            "-rf",
            "~",
        ]
    ),
    st.text(max_size=20),
)
code = st.one_of(
    st.sampled_from(
        [
            "print(1)",
            "1/0",
            "x = (",
            "import os; os._exit(3)",
            "print('\\ud800'.encode('utf-8', 'surrogatepass'))",
            "raise SystemExit",
            "print('é' * 1000)",
            "import sys; sys.stdout.buffer.write(bytes(range(256)))",
            "open('f', 'w').write('x' * 1000)",
            "import os; os.close(1)",
            "def f(): return f()\nf()",
        ]
    ),
    st.text(max_size=30),
)
commands = st.one_of(
    st.sampled_from(
        [
            "echo hello",
            "exit 3",
            "kill -9 $$",
            "printf '\\377\\000\\033[31m'",
            "cat",
            "no-such-command",
            "sleep 0.05 &",
            "setsid sleep 60 & echo left",
            "ulimit -n 3; ls",
            "exec 1>&-",
            "seq 2000",
            "(exit 255)",
            "",
        ]
    ),
    st.text(alphabet="abc &|;<>$`'\"\\\n(){}*?é\0", max_size=15),
)
# Values for members whose shape says only "text", by name.
_MEANT = {
    "code": code,
    "command": commands,
    "path": paths,
    "directoryPath": paths,
    "taskId": st.uuids().map(str) | odd_text,
}


def valid(shape: Any, name: str = "") -> st.SearchStrategy[Any]:
    """JSON values that a shape allows."""
    kind, bounds = shape.type_name, shape.metadata
    low = int(bounds.get("min", 0))
    if kind == "structure":
        return _structures(shape)
    if kind == "list":
        members = paths if name == "paths" else valid(shape.member, name)
        return st.lists(members, min_size=low, max_size=max(low, 3))
    if kind == "map":
        return st.dictionaries(valid(shape.key), valid(shape.value), min_size=low, max_size=max(low, 3))
    if kind == "string":
        if shape.enum:
            return st.sampled_from(shape.enum)
        if "pattern" in bounds:
            return _matching(bounds["pattern"], low, int(bounds.get("max", 2048)))
        return _MEANT[name] if name in _MEANT else st.text(min_size=low, max_size=low + 10)
    if kind in ("integer", "long"):
        # Long enough for the session to outlive its example.
        return st.integers(
            max(low, 60) if name == "sessionTimeoutSeconds" else low, int(bounds.get("max", 1000))
        )
    if kind == "boolean":
        return st.booleans()
    if kind == "blob":
        return st.binary(min_size=low, max_size=50).map(lambda raw: base64.b64encode(raw).decode())
    raise TypeError(f"no values for a {kind}")


@cache
def _matching(pattern: str, low: int, high: int) -> st.SearchStrategy[str]:
    # Kept: to read a long pattern takes longer than a request.
    return st.from_regex(pattern, fullmatch=True).filter(lambda text: low <= len(text) <= high)


@st.composite
def _structures(draw: Any, shape: Any) -> dict[str, Any]:
    members = {name: valid(member, name) for name, member in shape.members.items()}
    if getattr(shape, "is_tagged_union", False):
        name = draw(st.sampled_from(sorted(members)))
        return {name: draw(members[name])}
    if shape.name == "InputContentBlock":  # both of text and blob are too much
        members.pop(draw(st.sampled_from(["text", "blob"])))
    if shape.name == "CodeInterpreterNetworkConfiguration":
        mode = draw(members["networkMode"])
        return {"networkMode": mode, **({"vpcConfig": draw(members["vpcConfig"])} if mode == "VPC" else {})}
    kept = {name for name in members if name in shape.required_members or draw(st.booleans())}
    return {name: draw(value) for name, value in members.items() if name in kept}


@st.composite
def spoiled(draw: Any, value: Any) -> Any:
    """The value with one thing changed somewhere in it."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: draw(spoiled(value[name]))}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [*value[:-1], draw(spoiled(value[-1]))]
    if isinstance(value, dict):
        how = draw(st.sampled_from(["drop", "null", "add", "junk"]))
        name = draw(st.sampled_from(sorted(value))) if value else "added"
        if how == "drop":
            return {key: part for key, part in value.items() if key != name}
        if how == "null":
            return {**value, name: None}
        return {**value, (draw(odd_text) if how == "add" else name): draw(junk)}
    return draw(junk)


def broken(text: bytes) -> list[bytes]:
    """Bodies that are not this JSON object any more."""
    nested = [
        b"{" * 50_000,
        b"[" * 50_000,
        b'{"a":' * 50_000,
        b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ]
    scalars = [b"null", b"[]", b'"text"', b"1e999", b"NaN", b"9" * 5000]
    encoded = [b"\xef\xbb\xbf" + text, text.decode().encode("utf-16"), b"\xff", b"\0", b'{"name":"\\ud800"}']
    keys = [b'{"name":1,"name":2}', b'{"\\u0000":1}', b'{"name":Infinity}']
    return [b"", text + text, text[:-1], b"{}" + b" " * 100_000, *nested, *scalars, *encoded, *keys]


def bodies(value: Any) -> st.SearchStrategy[bytes]:
    """A body with this JSON value in it, or with what is left of it."""
    text = json.dumps(value).encode()
    cut = st.integers(0, len(text)).map(lambda length: text[:length])
    return st.one_of(cut, st.binary(max_size=50), st.sampled_from(broken(text)))


@st.composite
def requests(draw: Any, model: Any, known: dict[str, Any]) -> Request:
    """A request of one operation. `known` has values, by member, that lead to something that is there."""
    shape = model.input_shape
    params = draw(valid(shape))
    for name in shape.members:
        if name in known and (name in shape.required_members or name in params) and draw(st.integers(0, 9)):
            params[name] = known[name]
    if model.name == "InvokeCodeInterpreter":
        params["sessionId"] = known["sessionId"]
        if draw(st.integers(0, 9)) == 0:  # the call starts a session of its own
            del params["sessionId"]
        params["name"] = known.get("name") or draw(st.sampled_from(TOOLS))
        arguments = shape.members["arguments"]
        params["arguments"] = draw(valid(arguments))
        # What the tool needs is there more often than not.
        needed = {
            "paths": st.lists(paths, min_size=1, max_size=3),
            "content": valid(arguments.members["content"]),
        }
        for name, value in {**_MEANT, **needed}.items():
            if name not in params["arguments"] and draw(st.booleans()):
                params["arguments"][name] = draw(value)
    how = draw(st.sampled_from(["valid", "spoiled", "spoiled", "hostile"]))
    in_body = {
        name: value for name, value in params.items() if "location" not in shape.members[name].serialization
    }
    if how == "spoiled":
        in_body = draw(spoiled(in_body))
    body = json.dumps(in_body).encode()
    if how == "hostile" and draw(st.booleans()):
        body = draw(bodies(in_body))
    path, query, headers, plain = model.http["requestUri"].partition("?")[0], [], {}, True
    for name, member in shape.members.items():
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri":
            value = str(params[name])
            if how == "hostile" and draw(st.integers(0, 3)) == 0:
                plain = False
                value = draw(
                    st.sampled_from(
                        ["%", "%zz", "%00", "%ff", "..", ".", "a/b", "%2F", "a;b", "'", "é", "A" * 9000]
                    )
                )
                path = path.replace(f"{{{key}}}", quote(value, safe="%/;'."))
            path = path.replace(f"{{{key}}}", quote(value.encode("utf-8", "replace"), safe=""))
        elif location == "querystring" and name in params:
            values = params[name] if isinstance(params[name], list) else [params[name]]
            if how != "valid" and draw(st.booleans()):
                values = draw(st.lists(odd_text | st.integers(), max_size=3))
            # A target of more than 64 KiB is refused by the server, before it is anybody's operation.
            query += [(key, str(value)[:2000].encode("utf-8", "replace").decode()) for value in values]
        elif location == "header" and name in params:
            value = str(params[name])
            if how != "valid" and draw(st.integers(0, 3)) == 0:
                value = draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=50))
            if value.isascii() and value.isprintable() and value == value.strip():
                headers[key] = value
    method = model.http["method"]
    if how == "hostile" and draw(st.integers(0, 5)) == 0:
        plain, method = False, draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]))
    return Request(method, path, query, headers, body, plain)
