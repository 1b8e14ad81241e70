"""Running it all: one supervisor, its services and the embedded Valkey."""
