"""Schema revisions; see README.md in `migrations`."""
