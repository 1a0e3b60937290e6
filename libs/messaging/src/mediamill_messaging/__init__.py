"""Subscriptions, retry decisions and the RabbitMQ transport."""
