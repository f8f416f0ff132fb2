"""The gateway: pages, uploads and downloads over HTTP, for people on this machine."""
