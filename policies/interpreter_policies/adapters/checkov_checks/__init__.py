"""Checks for checkov, which loads folders that are packages only."""
