"""Pictures of 12-lead ECGs to signals in millivolts."""

import sys

# OpenVINO reports its every import to its makers, unless the module that does is missing. Nothing that is done with
# patients' data leaves the machine.
sys.modules.setdefault("openvino_telemetry", None)
