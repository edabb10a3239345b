"""The services of this project."""

from hooks import services as own_services

__all__ = ["own_services"]
