"""All that a policy test needs: `pytest examples/policy_tests` after `cdk synth`."""

pytest_plugins = ["interpreter_policies.adapters.pytest_plugin"]
