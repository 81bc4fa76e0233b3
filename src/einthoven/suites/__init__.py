"""Floor 8. Many runs or bundles under protocols, side by side: results/*.json."""
