-- The Unix second from which a credential accepts tokens; later than its writing only where a tenant
-- simulates Entra's propagation delay.
ALTER TABLE federated_credential ADD COLUMN effective_at BIGINT NOT NULL DEFAULT 0;
