"""Samples of what a trace may be, given its strip and a reading of it: where a stain hides the trace, they spread.

`completion` is what is called from outside, `denoiser` the network, `process` how noise is added and taken away,
`training` its Lightning module. docs/architectures.md says what it brings.
"""
