"""A command starts quickly: nothing heavy is imported before it is known which one it is."""

from __future__ import annotations

import subprocess
import sys

LOADED = "import sys, deploy.main; print(*{name.partition('.')[0] for name in sys.modules})"


def test_no_door_and_no_client_is_imported_before_a_command_is_known() -> None:
    """Metrics neither: their files would be made before the process has the name of its role."""
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    assert not {"api", "projections", "kafka", "psycopg", "prometheus_client"} & set(loaded)
