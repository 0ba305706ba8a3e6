"""Stateful stand-ins for what Tocsin talks to: for its tests, its demo, and rehearsals of your own set-up."""
