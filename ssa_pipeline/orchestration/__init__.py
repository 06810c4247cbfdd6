"""What ties the chain to Dagster: partitions, resources, IO manager, jobs. Nothing here computes an orbit."""
