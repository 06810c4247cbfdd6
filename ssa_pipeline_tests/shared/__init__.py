"""What several test files share: samples (real data and what is made from them), fakes (providers, receivers, storage
in memory) and plain twins. What one file alone needs stays in that file."""
