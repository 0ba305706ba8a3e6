"""Stateful stand-ins for what Tocsin talks to: for its tests, its demo, and for rehearsing your own set-up."""
