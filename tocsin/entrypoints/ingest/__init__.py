"""The door for events: raw ASGI, no framework. Accepted means committed."""

from tocsin.entrypoints.ingest.app import Door, Limits, build

__all__ = ["Door", "Limits", "build"]
