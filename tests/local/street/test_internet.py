"""The way beyond the outside host, with slirp4netns: an internet of this machine's own stands behind it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("slirp4netns") is None, reason="slirp4netns is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes the namespaces of this test")
def test_public_sessions_reach_the_internet_but_not_this_machine():
    script = Path(__file__).with_name("internet.py")
    argv = ["unshare", "--net", sys.executable, str(script)]

    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    status, page, refused = done.stdout.splitlines()
    assert (status, page) == ("True ()", "the internet")
    assert "No route to host" in refused
