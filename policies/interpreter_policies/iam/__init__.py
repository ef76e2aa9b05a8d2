"""IAM policies: parsed, evaluated for one request, and proven for all requests."""
