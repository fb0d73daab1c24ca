from tests.running_web import web

__all__ = ["web"]
