"""Commands in the background: started, looked at, stopped. They end with the session at the latest."""

import threading
from pathlib import Path
from typing import Any

from .commands import NOT_STARTED, Command, Finished

# AWS quota "Async command max duration".
MAX_SECONDS = 8 * 3600.0

WORKING, COMPLETED, FAILED, CANCELED = "working", "completed", "failed", "canceled"


class Task:
    """One background command and how it ended."""

    def __init__(self, command: Command, seconds: float = MAX_SECONDS) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._status = WORKING
        self._finished: Finished | None = None
        self._thread = threading.Thread(target=self._run, args=(seconds,), daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            # The session is at its limit of processes: as if the command could not be started.
            command.kill()
            command.wait(0)
            self._finished = Finished(f"/bin/sh: {error}\r\n", NOT_STARTED, 0.0)
            self._status = FAILED

    def _run(self, seconds: float) -> None:
        finished = self._command.wait(seconds)
        with self._lock:
            self._finished = finished
            if self._status == WORKING:
                self._status = COMPLETED if finished.exit_code == 0 else FAILED

    def describe(self) -> dict[str, Any]:
        """`status`, and for a task that ended by itself its `output`, `exit_code` and `seconds`."""
        with self._lock:
            described: dict[str, Any] = {"status": self._status}
            if self._finished and self._status in (COMPLETED, FAILED):
                described.update(self._finished._asdict())
        return described

    def stop(self) -> dict[str, Any]:
        """Ends a working task; `stopped` is False, with the `status`, for one that had ended."""
        with self._lock:
            if self._status != WORKING:
                return {"stopped": False, "status": self._status}
            self._status = CANCELED
        self._command.kill()
        self._thread.join(5)
        return {"stopped": True, "status": CANCELED}


class Tasks:
    """The tasks of one session, by id."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._tasks: dict[str, Task] = {}

    def start(self, command: str) -> dict[str, Any]:
        import uuid  # here, because the start of every session waits for the imports above

        task_id = str(uuid.uuid4())
        self._tasks[task_id] = Task(Command(command, self._folder, self._environment))
        return {"task_id": task_id}

    def describe(self, task_id: str) -> dict[str, Any]:
        task = self._tasks.get(task_id)
        return task.describe() if task else {"status": None}

    def stop(self, task_id: str) -> dict[str, Any]:
        task = self._tasks.get(task_id)
        return task.stop() if task else {"stopped": False, "status": None}
