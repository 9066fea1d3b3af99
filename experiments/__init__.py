"""Comparisons of many trainings, a module and a command each: by DVC's experiment queue or on a clock."""
