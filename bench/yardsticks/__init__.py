"""The yardsticks for the edge: other servers that do the same work, without the fsync."""
