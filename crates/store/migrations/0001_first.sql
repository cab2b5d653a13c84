-- One text for SQLite and PostgreSQL: GUIDs are TEXT in hyphenated lower case, instants BIGINT
-- Unix seconds, names that compare without regard to letter case have a lower-case *_key column.
-- A PostgreSQL database needs the collation C, so that text sorts by its bytes as in SQLite.

-- Rises by one with every write. Updating it first makes writers queue up behind one another.
CREATE TABLE directory_version (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO directory_version (id, version) VALUES (1, 0);

-- What each version changed, so that another process loads only that.
CREATE TABLE directory_change (
    version BIGINT NOT NULL,
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    PRIMARY KEY (version, tenant_id, kind, object)
);

CREATE TABLE tenant (
    id TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_version BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE tenant_domain (
    domain TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX tenant_domain_by_tenant ON tenant_domain (tenant_id);

CREATE TABLE subscription (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    created_version BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX subscription_by_tenant ON subscription (tenant_id);

CREATE TABLE resource_group (
    subscription_id TEXT NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    name_key TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    location TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (subscription_id, name_key)
);
CREATE INDEX resource_group_by_tenant ON resource_group (tenant_id);

-- Managed identities and applications share one space of client ids; whatever hangs on a client
-- goes with its row here.
CREATE TABLE client (
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('managed-identity', 'application')),
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
);

CREATE TABLE managed_identity (
    tenant_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    path_key TEXT NOT NULL UNIQUE,
    subscription_id TEXT NOT NULL,
    resource_group_key TEXT NOT NULL,
    resource_group TEXT NOT NULL,
    name TEXT NOT NULL,
    location TEXT NOT NULL,
    tags TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id),
    UNIQUE (tenant_id, principal_id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, client_id) ON DELETE CASCADE,
    FOREIGN KEY (subscription_id, resource_group_key) REFERENCES resource_group (subscription_id, name_key)
);
CREATE INDEX managed_identity_by_group ON managed_identity (subscription_id, resource_group_key, path_key);
CREATE INDEX managed_identity_by_subscription ON managed_identity (subscription_id, path_key);

CREATE TABLE application (
    tenant_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    token_version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id),
    UNIQUE (tenant_id, object_id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, client_id) ON DELETE CASCADE
);

CREATE TABLE application_identifier_uri (
    tenant_id TEXT NOT NULL,
    uri_key TEXT NOT NULL,
    client_id TEXT NOT NULL,
    uri TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, uri_key),
    FOREIGN KEY (tenant_id, client_id) REFERENCES application (tenant_id, client_id) ON DELETE CASCADE
);
CREATE INDEX application_identifier_uri_by_client ON application_identifier_uri (tenant_id, client_id);

CREATE TABLE service_principal (
    tenant_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id),
    UNIQUE (tenant_id, object_id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES application (tenant_id, client_id) ON DELETE CASCADE
);

CREATE TABLE client_secret (
    tenant_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    display_name TEXT,
    hint TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    hash TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key_id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES application (tenant_id, client_id) ON DELETE CASCADE
);
CREATE INDEX client_secret_by_client ON client_secret (tenant_id, client_id);

CREATE TABLE client_certificate (
    tenant_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    display_name TEXT,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    certificate TEXT NOT NULL,
    x5t TEXT NOT NULL,
    x5t_s256 TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key_id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES application (tenant_id, client_id) ON DELETE CASCADE
);
CREATE INDEX client_certificate_by_client ON client_certificate (tenant_id, client_id);

CREATE TABLE federated_credential (
    tenant_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    name_key TEXT NOT NULL,
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    audience TEXT NOT NULL,
    description TEXT,
    created_version BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id, name_key),
    UNIQUE (tenant_id, client_id, issuer, subject),
    FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, client_id) ON DELETE CASCADE
);

CREATE TABLE trusted_issuer (
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    key_source TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, issuer)
);

CREATE TABLE role_assignment (
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    role_id TEXT NOT NULL,
    scope_key TEXT NOT NULL,
    scope TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, principal_id, role_id, scope_key)
);

-- The key that secrets are encrypted under, itself encrypted under a key outside the database.
CREATE TABLE data_key (
    id TEXT PRIMARY KEY,
    wrapping_key_id TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE sealed_secret (
    name TEXT PRIMARY KEY,
    data_key_id TEXT NOT NULL REFERENCES data_key (id),
    sealed BYTEA NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE signing_key (
    key_id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retiring')),
    data_key_id TEXT NOT NULL REFERENCES data_key (id),
    sealed BYTEA NOT NULL,
    certificate BYTEA NOT NULL,
    created BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX signing_key_one_active ON signing_key (state) WHERE state = 'active';

CREATE TABLE service_account (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL UNIQUE,
    annotations TEXT NOT NULL,
    created BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (namespace, name)
);

-- The last number that was given out; raised in the transaction that writes the entries, so that a
-- transaction that fails leaves no gap.
CREATE TABLE audit_sequence (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL
);
INSERT INTO audit_sequence (id, last) VALUES (1, 0);

CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,
    tenant_id TEXT,
    time_ms BIGINT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    code BIGINT,
    client_id TEXT,
    record TEXT NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant_id, sequence);
