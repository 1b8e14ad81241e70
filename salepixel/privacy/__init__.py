"""What is stored about a person: how it is exported, erased, and deleted after some time."""
