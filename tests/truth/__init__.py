"""Tests of the measured truth."""
