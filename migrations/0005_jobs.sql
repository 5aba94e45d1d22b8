-- A plan, and from its confirmation on a job: one change of many domains or recipients.
CREATE TABLE jobs (
    number            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    owner_id          TEXT    NOT NULL REFERENCES people (id),
    owner_name        TEXT    NOT NULL,
    client_request_id TEXT    NOT NULL, -- of the form that made it, so that one press of a button makes one plan
    kind              TEXT    NOT NULL,
    act               TEXT    NOT NULL, -- JSON: what holds for every row
    source            TEXT    NOT NULL, -- where the rows came from, in words
    reason            TEXT,             -- a ticket, or why
    needs             TEXT    NOT NULL, -- the least role that may run it
    undo_of           INTEGER REFERENCES jobs (number),
    retry_of          INTEGER REFERENCES jobs (number),
    state             TEXT    NOT NULL DEFAULT 'planned'
                      CHECK (state IN ('planned', 'queued', 'running', 'paused', 'done', 'cancelled')),
    why_what          TEXT,             -- paused: what happened
    why_next          TEXT,             -- and the next step
    held              TEXT    NOT NULL DEFAULT '[]', -- JSON: fingerprints whose rows wait, because the key was rejected
    request_id        TEXT    NOT NULL DEFAULT '',   -- of the confirmation
    created_at        INTEGER NOT NULL,
    confirmed_at      INTEGER,
    started_at        INTEGER,
    ended_at          INTEGER,
    lease_by          TEXT,             -- the process that runs it
    lease_until       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner_id, client_request_id)
) STRICT;
CREATE INDEX jobs_by_owner ON jobs (owner_id, number);
CREATE INDEX jobs_by_state ON jobs (state, number);

-- The journal: planned → sent (committed before the wire) → done, failed or unknown. What is left is never sent.
CREATE TABLE job_rows (
    job         INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    seq         INTEGER NOT NULL,
    line        INTEGER NOT NULL, -- of the input
    object      TEXT    NOT NULL, -- A-label or address; of a line that can't be read, its text
    account_id  TEXT    NOT NULL DEFAULT '',
    fingerprint TEXT    NOT NULL DEFAULT '', -- the key that speaks
    verdict     TEXT    NOT NULL CHECK (verdict IN ('new', 'change', 'exists', 'same', 'invalid', 'forbidden')),
    note        TEXT    NOT NULL DEFAULT '',
    input       TEXT    NOT NULL, -- JSON: the row as it came, to be exported again
    before      TEXT,             -- JSON
    after       TEXT,             -- JSON
    state       TEXT    NOT NULL CHECK (state IN ('planned', 'sent', 'done', 'failed', 'unknown', 'left')),
    reason      TEXT,             -- why it failed
    detail      TEXT    NOT NULL DEFAULT '', -- what the service said, or what was found
    tries       INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    intent_id   INTEGER REFERENCES audit (id),
    at          INTEGER,
    PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_rows_by_state ON job_rows (job, state, account_id, not_before, seq);
CREATE INDEX job_rows_by_verdict ON job_rows (job, verdict, seq);
CREATE INDEX job_rows_by_reason ON job_rows (job, reason, seq) WHERE reason IS NOT NULL;

-- The audit log says which job a change belongs to.
ALTER TABLE audit ADD COLUMN job INTEGER;
