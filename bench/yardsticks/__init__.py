"""What the edge is measured against: other servers that do the same work, without the fsync."""
