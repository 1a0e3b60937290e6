"""The subscription table on RabbitMQ, run by FastStream."""

from mediamill_messaging.rabbitmq.publisher import RabbitPublisher
from mediamill_messaging.rabbitmq.transport import RabbitTransport
from mediamill_messaging.rabbitmq.worker import RabbitWorker

__all__ = ["RabbitPublisher", "RabbitTransport", "RabbitWorker"]
