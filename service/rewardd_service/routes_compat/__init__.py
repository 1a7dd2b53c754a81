"""Wires that trainers already speak: thin translations onto the same edge, queues and workers."""

from rewardd_service.routes_compat.sandbox_fusion import SandboxFusionRoutes

__all__ = ["SandboxFusionRoutes"]
