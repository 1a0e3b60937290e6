"""What the control plane's HTTP services share: identity, problem documents, bodies, idempotency, paging."""
