"""Tocsin: alerts in, the right person woken, everyone told, and learnt from."""

__version__ = "0.1.0"
