"""A scripted campus: what really happened, what cameras could see of it, and the exports that say so."""
