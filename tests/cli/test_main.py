"""The program as a whole: how it is started."""

import subprocess
import sys

from sarnet import __version__


def test_the_module_is_the_program():
    ran = subprocess.run([sys.executable, "-m", "sarnet", "--version"], capture_output=True, text=True, check=True)

    assert ran.stdout.split() == ["sarnet", __version__]
