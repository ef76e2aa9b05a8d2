"""What every test runs under."""

import os

# The CDK's own template engine takes 2 s to start and checks nothing of ours; `cdk synth` of the repository
# runs with it on in tests/constructs/test_synth.py. Policy checks that we register run either way.
os.environ["CDK_VALIDATION"] = "false"
