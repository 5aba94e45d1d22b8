-- One's reports of misjudged messages: who, when, which kind, which domain, how it ended. Nothing of the content;
-- the subject only as a keyed hash, by which the same message is recognised.
CREATE TABLE reports (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    person_id    TEXT    NOT NULL,
    person_name  TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('false_positive', 'false_negative')),
    domain       TEXT    NOT NULL, -- A-label
    subject_hash TEXT    NOT NULL,
    outcome      TEXT    NOT NULL
) STRICT;
CREATE INDEX reports_by_person ON reports (person_id, id);
