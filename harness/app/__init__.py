"""Workflows that use several packages: runs, remedies, policies, package locks."""
