-- Sessions are columns of their own, so that they can be listed, ended one by one, and found by the provider's name.
-- Whoever is signed in signs in again after the upgrade.
DROP TABLE sessions;
CREATE TABLE sessions (
    id_hash          BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the token in the cookie
    name             TEXT    NOT NULL UNIQUE, -- what pages call it
    person_id        TEXT    NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    epoch            INTEGER NOT NULL, -- the person's at sign-in; a later one ends the session
    mode             TEXT    NOT NULL CHECK (mode IN ('demo', 'oidc', 'signed-header', 'trusted-header', 'link')),
    started_at       INTEGER NOT NULL,
    proved_at        INTEGER NOT NULL, -- when the person last proved who they are; 0 where nobody says
    seen_at          INTEGER NOT NULL,
    device           TEXT    NOT NULL,
    address          TEXT    NOT NULL,
    provider_session TEXT,    -- the provider's name of it, for back-channel logout
    hint             BLOB     -- the ID token, sealed: the provider wants it back at sign-out
) STRICT;
CREATE INDEX sessions_by_person ON sessions (person_id, seen_at);
CREATE INDEX sessions_by_provider ON sessions (provider_session) WHERE provider_session IS NOT NULL;

-- Sign-ins that were begun at a provider.
CREATE TABLE sign_ins (
    id_hash    BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the token in the browser's cookie
    state      TEXT    NOT NULL,
    nonce      TEXT    NOT NULL,
    verifier   TEXT    NOT NULL,
    back       TEXT    NOT NULL, -- local path
    session    BLOB,             -- step-up: the session that it is for
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_ins_by_age ON sign_ins (created_at);

-- Break-glass links.
CREATE TABLE sign_in_links (
    id_hash    BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the token in the link
    person_id  TEXT    NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;

-- Logout tokens that were taken, so that each counts once.
CREATE TABLE logouts (
    id         TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;

ALTER TABLE people ADD COLUMN mapped_by TEXT NOT NULL DEFAULT ''; -- the group that gave the role
ALTER TABLE people ADD COLUMN disabled_by TEXT; -- the administrator's name as it was
