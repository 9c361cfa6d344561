"""similar."""
