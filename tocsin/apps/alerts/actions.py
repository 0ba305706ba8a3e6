"""What may be done to alerts and to what holds them."""

from tocsin.apps.alerts.inhibiting import save_suppression
from tocsin.apps.alerts.silencing import expire_silence, extend_silence, save_silence

__all__ = ["expire_silence", "extend_silence", "save_silence", "save_suppression"]
