-- Roles that tenants make themselves; those of Azure are part of the program.
CREATE TABLE role_definition (
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    definition TEXT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name_key)
);

-- What is told of an assignment besides what it grants. The times are Unix seconds; 0 is for those
-- that were made before they were kept.
ALTER TABLE role_assignment ADD COLUMN principal_type TEXT NOT NULL DEFAULT 'ServicePrincipal';
ALTER TABLE role_assignment ADD COLUMN description TEXT;
ALTER TABLE role_assignment ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE role_assignment ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
