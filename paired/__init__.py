"""The baseline on the simple table: one module a stage of paired/dvc.yaml, `python -m paired.NAME` in the root."""
