-- Times are unix milliseconds. Ids are UUIDv7 text unless said otherwise.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Every key-encryption key that ever sealed something here; see crates/vault.
CREATE TABLE keks (
    kek_id      TEXT    NOT NULL PRIMARY KEY,
    check_value BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE people (
    id           TEXT    NOT NULL PRIMARY KEY,
    issuer       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    email        TEXT,
    role         TEXT    NOT NULL CHECK (role IN ('viewer', 'agent', 'lead', 'admin')),
    epoch        INTEGER NOT NULL DEFAULT 0,
    disabled_at  INTEGER,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER,
    UNIQUE (issuer, subject)
) STRICT;

CREATE TABLE sessions (
    id_hash    BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the id in the cookie
    data       TEXT    NOT NULL,
    person_id  TEXT    REFERENCES people (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A customer of MailChannels, known by its subscription handles.
CREATE TABLE accounts (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE account_handles (
    handle     TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX account_handles_by_account ON account_handles (account_id);

-- A person's hold on a key.
CREATE TABLE api_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    owner_id     TEXT    NOT NULL REFERENCES people (id),
    label        TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL,
    last_four    TEXT    NOT NULL,
    sealed       BLOB    NOT NULL,
    account_id   TEXT    REFERENCES accounts (id),
    created_at   INTEGER NOT NULL,
    replaced_at  INTEGER,
    last_used_at INTEGER,
    UNIQUE (owner_id, label),
    UNIQUE (owner_id, fingerprint)
) STRICT;
CREATE INDEX api_keys_by_fingerprint ON api_keys (fingerprint);

-- A distinct key, however many people hold it. The age of what the mirror says is its synced_at.
CREATE TABLE upstream_keys (
    fingerprint  TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    REFERENCES accounts (id),
    health       TEXT    NOT NULL DEFAULT 'unchecked'
                 CHECK (health IN ('unchecked', 'working', 'rejected', 'unreachable', 'slow')),
    health_at    INTEGER,
    detail       TEXT,
    synced_at    INTEGER, -- last success
    attempted_at INTEGER,
    latency_ms   INTEGER,
    -- Counted again with every change of the mirror, so that pages don't count.
    total        INTEGER NOT NULL DEFAULT 0,
    locked       INTEGER NOT NULL DEFAULT 0,
    free         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX upstream_keys_by_account ON upstream_keys (account_id);

CREATE TABLE domains (
    id              INTEGER NOT NULL PRIMARY KEY,
    account_id      TEXT    NOT NULL REFERENCES accounts (id),
    name            TEXT    NOT NULL, -- A-label
    display         TEXT    NOT NULL, -- U-label
    subscription    TEXT    NOT NULL,
    policy          TEXT,
    policy_override INTEGER,
    header_name     TEXT,
    header_value    TEXT,
    servers         INTEGER NOT NULL,
    aliases         INTEGER NOT NULL,
    detail          TEXT    NOT NULL, -- JSON: admins, downstreams, aliases
    holder          TEXT,             -- fingerprint, when locked
    association     TEXT    NOT NULL DEFAULT 'unknown' CHECK (association IN ('locked', 'free', 'unknown')),
    seen_by         INTEGER NOT NULL DEFAULT 0,
    synced_at       INTEGER NOT NULL, -- when this row was last written or read live
    -- When it turned up after its reader's first sync, else 0: a key synced before that can't testify against it.
    fresh_at        INTEGER NOT NULL DEFAULT 0,
    -- A keyset needs a value in every row.
    policy_key      TEXT    NOT NULL GENERATED ALWAYS AS (coalesce(policy, '')) VIRTUAL,
    UNIQUE (account_id, name)
) STRICT;
-- One index for each order of the list; each ends in (name, id), so that ties have an order too.
CREATE INDEX domains_by_name ON domains (name, id);
CREATE INDEX domains_by_servers ON domains (servers, name, id);
CREATE INDEX domains_by_aliases ON domains (aliases, name, id);
CREATE INDEX domains_by_policy ON domains (policy_key, name, id);
CREATE INDEX domains_by_subscription ON domains (subscription, name, id);
CREATE INDEX domains_by_holder ON domains (holder, name, id);

-- Which key sees which domain.
CREATE TABLE visibility (
    fingerprint TEXT    NOT NULL REFERENCES upstream_keys (fingerprint) ON DELETE CASCADE,
    domain_id   INTEGER NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
    PRIMARY KEY (fingerprint, domain_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX visibility_by_domain ON visibility (domain_id, fingerprint);

CREATE TABLE aliases (
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    alias      TEXT    NOT NULL, -- A-label
    display    TEXT    NOT NULL, -- U-label
    domain_id  INTEGER NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, alias)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_by_alias ON aliases (alias);
CREATE INDEX aliases_by_domain ON aliases (domain_id);

-- Notes, typed input and outcomes kept for a later page of the same person.
CREATE TABLE drafts (
    id         TEXT    NOT NULL PRIMARY KEY,
    person_id  TEXT    NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX drafts_by_person ON drafts (person_id, created_at, id);
CREATE INDEX drafts_by_age ON drafts (created_at);

-- Append-only. An intent is written before the wire, its outcome as a row of its own that names it.
-- People are named as they were; no foreign key, so that nothing here depends on a row elsewhere.
CREATE TABLE audit (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    person_id   TEXT    NOT NULL,
    person_name TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    object_kind TEXT    NOT NULL,
    object      TEXT    NOT NULL,
    account_id  TEXT,
    fingerprint TEXT,
    request_id  TEXT    NOT NULL,
    intent_id   INTEGER UNIQUE REFERENCES audit (id),
    outcome     TEXT,
    before      TEXT,
    after       TEXT,
    reason      TEXT
) STRICT;
CREATE INDEX audit_by_object ON audit (object_kind, object, id);

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;
