"""Service control policies, a permissions boundary and a Guard file for an organisation; see --help."""

import sys

from interpreter_policies.organisation import main

if __name__ == "__main__":
    sys.exit(main())
