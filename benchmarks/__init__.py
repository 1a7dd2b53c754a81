"""Measurements: ratios against named baselines, never timed tests."""
