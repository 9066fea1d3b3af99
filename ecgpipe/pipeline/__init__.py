"""What the stages call: work over the whole data set, one module a stage."""
