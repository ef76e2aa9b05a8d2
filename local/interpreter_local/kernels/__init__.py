"""The language kernels: programs that run inside a sandbox and keep a session's state between calls."""
