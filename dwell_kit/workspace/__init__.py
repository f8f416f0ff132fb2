"""Open a workspace, put facts in, get figures out."""

from dwell_kit.workspace.facade import Workspace, open

__all__ = ["Workspace", "open"]
