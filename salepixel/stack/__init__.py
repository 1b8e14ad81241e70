"""The whole stack: a supervisor, its services and the embedded Valkey."""
