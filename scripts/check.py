"""Rules and proof over synthesized templates; see --help."""

import sys

from interpreter_policies.cli import main

if __name__ == "__main__":
    sys.exit(main())
