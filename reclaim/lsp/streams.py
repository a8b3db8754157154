"""The stream that the protocol is spoken on, kept from everybody else in the process."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO


def claimed_stdout() -> BinaryIO:
    """Return stdout for messages alone: what anything else prints goes to stderr from now on."""
    sys.stdout.flush()
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return messages
