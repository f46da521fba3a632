"""Why a connection fails, who must act, and what would prove it."""

__version__ = "0.1.0"
