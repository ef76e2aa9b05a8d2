"""The canary as it runs in AWS Lambda: the standard library, and what every Python runtime there has."""
