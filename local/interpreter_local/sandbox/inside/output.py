"""Program output, kept up to a bound."""

# Far more than one event of the stream can carry (botocore refuses a payload above 25,165,824 bytes).
MAX_OUTPUT = 16 * 1024 * 1024


class Output:
    """Collects bytes, and forgets what goes beyond the bound: endless prints cannot eat the memory."""

    def __init__(self, bound: int = MAX_OUTPUT) -> None:
        self._chunks: list[bytes] = []
        self._room = bound
        self.dropped = 0

    def add(self, chunk: bytes) -> None:
        kept = chunk[: self._room]
        self._room -= len(kept)
        self.dropped += len(chunk) - len(kept)
        if kept:
            self._chunks.append(kept)

    def text(self) -> str:
        """What was kept, as UTF-8 with replacement characters, and a last line if something was dropped."""
        text = b"".join(self._chunks).decode("utf-8", "replace")
        return f"{text}\n[output truncated: {self.dropped} more bytes]" if self.dropped else text
