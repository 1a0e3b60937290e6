"""sharp + BullMQ: what Node projects use for the same job."""

from benchmarks.contestants.sharp_bullmq.contestant import SharpBullMq, prepare

__all__ = ["SharpBullMq", "prepare"]
