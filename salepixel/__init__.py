"""The domain and the contracts between the three processes: pure rules, shared formats, storage."""
