"""What a canary tries in a session; one file each."""
