"""sharp + BullMQ: what Node projects use for the same job."""

from benchmarks.contestants.sharp_bullmq.contestant import SharpBullMq, redis_program

__all__ = ["SharpBullMq", "redis_program"]
