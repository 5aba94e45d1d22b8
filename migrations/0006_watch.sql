-- What a key saw that is locked to another one since; counted like the rest, so that pages don't count.
ALTER TABLE upstream_keys ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0;
UPDATE upstream_keys SET elsewhere = (
    SELECT count(*) FROM visibility v JOIN domains d ON d.id = v.domain_id
    WHERE v.fingerprint = upstream_keys.fingerprint AND d.association = 'locked'
      AND d.holder IS NOT upstream_keys.fingerprint);
-- The key map counts an account's domains by this alone.
CREATE INDEX domains_by_association ON domains (account_id, association, holder);

-- Every difference that a sync or a live read found in a domain that was mirrored before, whoever made it.
CREATE TABLE server_changes (
    id          INTEGER NOT NULL PRIMARY KEY,
    account_id  TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    domain      TEXT    NOT NULL, -- A-label
    kind        TEXT    NOT NULL CHECK (kind IN ('servers', 'admins', 'aliases', 'settings')),
    before      TEXT    NOT NULL, -- JSON, as in domains.detail; settings as an object
    after       TEXT    NOT NULL,
    known_at    INTEGER NOT NULL, -- when the value before was last seen
    seen_at     INTEGER NOT NULL,
    gone        INTEGER NOT NULL, -- no key saw the domain in between
    fingerprint TEXT    NOT NULL  -- the key that saw it
) STRICT;
CREATE INDEX server_changes_by_account ON server_changes (account_id, seen_at);
CREATE INDEX server_changes_by_age ON server_changes (seen_at);

-- What a domain was when no key saw it any more: one that is deprovisioned and provisioned anew behind our
-- back, or slips from key to key between two syncs, is compared with this when it turns up again.
CREATE TABLE domains_gone (
    account_id  TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL, -- A-label
    detail      TEXT    NOT NULL, -- as in domains
    settings    TEXT    NOT NULL, -- as in server_changes
    known_at    INTEGER NOT NULL, -- when it was last seen
    fingerprint TEXT    NOT NULL, -- the key that saw it last
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX domains_gone_by_age ON domains_gone (known_at);

-- When each account-tier list was read.
CREATE TABLE account_lists (
    account_id   TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    list         TEXT    NOT NULL CHECK (list IN ('safelist', 'blocklist')),
    attempted_at INTEGER NOT NULL,
    first_at     INTEGER, -- first success: what was there then turned up nobody knows when
    read_at      INTEGER, -- last success
    PRIMARY KEY (account_id, list)
) STRICT, WITHOUT ROWID;

-- Entries of account-tier lists: those there now, and for a while those that went.
CREATE TABLE account_entries (
    id            INTEGER NOT NULL PRIMARY KEY,
    account_id    TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    list          TEXT    NOT NULL CHECK (list IN ('safelist', 'blocklist')),
    item          TEXT    NOT NULL, -- as the service has it
    absent_at     INTEGER, -- the last reading without it; none when the first one had it
    first_seen_at INTEGER NOT NULL,
    present_at    INTEGER, -- once it went: the last reading that had it
    gone_at       INTEGER, -- the first reading without it
    CHECK ((present_at IS NULL) = (gone_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX account_entries_present ON account_entries (account_id, list, item) WHERE gone_at IS NULL;
CREATE INDEX account_entries_gone ON account_entries (gone_at) WHERE gone_at IS NOT NULL;

-- What a person does about a leaked key: a time for each step that is done.
CREATE TABLE rescues (
    id              TEXT    NOT NULL PRIMARY KEY,
    person_id       TEXT    NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    account_id      TEXT    NOT NULL,
    old_key_id      TEXT    NOT NULL, -- no reference: the key may be removed before the end
    old_fingerprint TEXT    NOT NULL,
    new_key_id      TEXT,
    new_fingerprint TEXT,
    since           INTEGER NOT NULL, -- from when on the key may have been in other hands
    job             INTEGER,          -- number of the plan of the moves
    moved_at        INTEGER,
    verified_at     INTEGER,
    compared_at     INTEGER,
    deleted_at      INTEGER,
    dead_at         INTEGER,
    created_at      INTEGER NOT NULL,
    closed_at       INTEGER
) STRICT;
CREATE UNIQUE INDEX rescues_open ON rescues (person_id, old_key_id) WHERE closed_at IS NULL;

-- The domains that the old key saw when its rescue began, or was the last to see since the leak: what has to
-- be accounted for.
CREATE TABLE rescue_domains (
    rescue_id TEXT NOT NULL REFERENCES rescues (id) ON DELETE CASCADE,
    name      TEXT NOT NULL, -- A-label
    PRIMARY KEY (rescue_id, name)
) STRICT, WITHOUT ROWID;
