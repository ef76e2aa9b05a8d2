"""The kernel's keeper by itself, outside of a sandbox."""

import queue
import threading
import time
from pathlib import Path

import pytest

from interpreter_local import kernels
from interpreter_local.sandbox.inside import kernel
from interpreter_local.sandbox.layout import environment

PROGRAM = Path(kernels.__file__).with_name("python_kernel.py")


class LateQueue(queue.Queue):
    """Whoever puts an answer in comes back late, as under load."""

    def put(self, item, *args, **kwargs):
        super().put(item, *args, **kwargs)
        time.sleep(0.3)


@pytest.fixture
def keeper(capabilities, tmp_path, monkeypatch):
    monkeypatch.setattr(kernel.queue, "Queue", LateQueue)
    python = capabilities.sandbox_python
    own = environment(tmp_path, python.parents[1], tmp_path)
    return kernel.Kernel(kernel.spawn([str(python), str(PROGRAM)], tmp_path, own))


def test_output_and_answer_that_are_found_together_hold_up_no_later_call(keeper):
    keeper.execute("pass", False, 10)
    # The reader is late: this call's output and answer both wait for it.
    assert keeper.execute("print('both')", False, 10)["stdout"] == "both\n"

    done = []
    silent = threading.Thread(target=lambda: done.append(keeper.execute("pass", False, 10)), daemon=True)
    silent.start()
    silent.join(5)

    assert done
    assert done[0]["exit_code"] == 0
