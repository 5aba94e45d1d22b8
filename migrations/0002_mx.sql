-- What DNS says about a domain's mail, by name: it is the same for every account.
CREATE TABLE mx (
    name        TEXT    NOT NULL PRIMARY KEY, -- A-label
    verdict     TEXT    NOT NULL DEFAULT 'unknown'
                CHECK (verdict IN ('here', 'elsewhere', 'mixed', 'none', 'unknown')),
    records     TEXT    NOT NULL DEFAULT '[]', -- JSON: [[priority, host], …], of the last answer there was
    answered_at INTEGER, -- when that answer came
    checked_at  INTEGER, -- the last look-up, also when it failed; without one there was none
    muted_at    INTEGER,
    muted_by    TEXT,    -- the person's name as it was
    CHECK ((muted_at IS NULL) = (muted_by IS NULL))
) STRICT, WITHOUT ROWID;
-- Walked for what is due; the list reads by name.
CREATE INDEX mx_by_check ON mx (checked_at, name);
