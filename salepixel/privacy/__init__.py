"""Personal data: export, erasure, and deletion after a retention period."""
