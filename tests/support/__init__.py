"""What tests of several rooms need: small wheels, wicked wheels, an engine without containers."""
