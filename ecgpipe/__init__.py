"""Pictures of 12-lead ECGs to signals in millivolts."""
