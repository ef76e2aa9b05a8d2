"""What runs in a session: each file is sent as it is, and uses nothing but the standard library and boto3."""
