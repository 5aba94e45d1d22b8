-- A key that its owner lets others use: everybody of at least a role, or one person.
CREATE TABLE key_shares (
    id         TEXT    NOT NULL PRIMARY KEY,
    key_id     TEXT    NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    role       TEXT    CHECK (role IN ('viewer', 'agent', 'lead', 'admin')),
    person_id  TEXT    REFERENCES people (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    CHECK ((role IS NULL) <> (person_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX key_shares_by_role ON key_shares (key_id, role) WHERE role IS NOT NULL;
CREATE UNIQUE INDEX key_shares_by_person ON key_shares (person_id, key_id) WHERE person_id IS NOT NULL;
CREATE INDEX key_shares_of_roles ON key_shares (role) WHERE role IS NOT NULL;

-- The keys that a person may use: their own, and what others let them use while those are not shut out. A role's name
-- stands further right in the list the more it may.
CREATE VIEW usable_keys (person_id, key_id, own) AS
SELECT owner_id, id, 1 FROM api_keys
UNION ALL
SELECT s.person_id, s.key_id, 0
FROM key_shares s JOIN api_keys k ON k.id = s.key_id JOIN people o ON o.id = k.owner_id
WHERE s.person_id IS NOT NULL AND s.person_id <> k.owner_id AND o.disabled_at IS NULL
UNION ALL
SELECT p.id, s.key_id, 0
FROM people p JOIN key_shares s ON s.role IS NOT NULL
    AND instr('viewer agent lead admin', p.role) >= instr('viewer agent lead admin', s.role)
JOIN api_keys k ON k.id = s.key_id JOIN people o ON o.id = k.owner_id
WHERE p.id <> k.owner_id AND o.disabled_at IS NULL;
