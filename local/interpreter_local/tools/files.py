"""writeFiles, readFiles, listFiles and removeFiles. All failure texts here are unrecorded."""

from typing import Any

from interpreter_local.sandbox import Sandbox

from . import arguments as args
from . import result


async def write_files(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Writes text or decoded blobs. Recorded: the count in the reply, also for one file."""
    files = args.files(arguments, "content")
    done = await sandbox.call("write_files", files=files)
    return _counted("Successfully wrote all", "Failed to write", len(files), done["failed"])


async def read_files(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Each file as a resource: text when it is UTF-8, else a blob. An error does not hide what was found."""
    done = await sandbox.call("read_files", paths=args.texts(arguments, "paths"))
    content: list[dict[str, Any]] = []
    for file in done["files"]:
        resource = {"uri": f"file:///{file['path']}", "mimeType": file["mime"]}
        resource |= {key: file[key] for key in ("text", "blob") if key in file}
        content.append({"type": "resource", "resource": resource})
    content += [result.text(_described(failed)) for failed in done["failed"]]
    return result.make(content, is_error=bool(done["failed"]))


async def list_files(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """One level of a folder as links, hidden entries included. Takes directoryPath, or the older path."""
    path = args.optional(arguments, "directoryPath") or args.optional(arguments, "path") or ""
    done = await sandbox.call("list_files", path=path)
    content: list[dict[str, Any]] = []
    for entry in done["entries"]:
        link = {"type": "resource_link"}
        if "mime" in entry:
            link["mimeType"] = entry["mime"]
        link |= {"uri": f"file:///{entry['path']}", "name": entry["name"]}
        content.append({**link, "description": "Directory" if entry["directory"] else "File"})
    content += [result.text(_described(failed, kind="Directory")) for failed in done["failed"]]
    return result.make(content, is_error=bool(done["failed"]))


async def remove_files(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Removes files, not folders."""
    paths = args.texts(arguments, "paths")
    done = await sandbox.call("remove_files", paths=paths)
    return _counted("Successfully removed all", "Failed to remove", len(paths), done["failed"])


def _counted(success: str, failure: str, total: int, failed: list[dict[str, Any]]) -> dict[str, Any]:
    if not failed:
        return result.make([result.text(f"{success} {total} files")])
    reasons = "; ".join(f"{each['path']}: {each['reason']}" for each in failed)
    return result.failure(f"{failure} {len(failed)} of {total} files: {reasons}")


def _described(failed: dict[str, Any], kind: str = "File") -> str:
    if failed["missing"]:
        return f"{kind} not found: {failed['path']}"
    return f"{failed['path']}: {failed['reason']}"
