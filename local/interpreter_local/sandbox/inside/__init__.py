"""What runs inside a sandbox: the standard library only, relative imports only.

The folder is bound into the sandbox under another name, so nothing here may import `interpreter_local`.
"""
