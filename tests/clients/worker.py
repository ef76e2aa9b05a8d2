"""Runs in the clients' environment: a line of JSON in (code, variables), a line out (`result`, or the error).

What the code prints goes to the log.
"""

import contextlib
import json
import os
import sys
import traceback

replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    code, variables = json.loads(line)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(compile(code, "<test>", "exec"), variables)
        reply = json.dumps({"result": variables.get("result")})
    except BaseException:  # noqa: BLE001 - the test gets to see it
        reply = json.dumps({"error": traceback.format_exc()})
    replies.write(reply + "\n")
    replies.flush()
