"""Quota preflight and canaries on what is deployed; see --help."""

import sys

from interpreter_validation.cli import main

if __name__ == "__main__":
    sys.exit(main())
