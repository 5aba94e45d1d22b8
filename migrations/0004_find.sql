-- Searching within names. The index holds which rows have which three characters in a row, for the name, display
-- form and aliases of each domain; whoever asks tests the candidates it gives by the rows themselves.
CREATE VIRTUAL TABLE names USING fts5(
    text, tokenize = 'trigram', content = '', contentless_delete = 1, detail = none);

-- Domains whose names changed since they were indexed. A domain and its aliases are written one by one, its row of
-- the index once, at the end of the same transaction: three times as fast. What waits here is always a candidate.
CREATE TABLE names_stale (
    domain_id INTEGER NOT NULL PRIMARY KEY
) STRICT;

CREATE TRIGGER names_of_new_domain AFTER INSERT ON domains
BEGIN
    INSERT INTO names_stale (domain_id) VALUES (new.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER names_of_changed_domain AFTER UPDATE OF id, name, display ON domains
WHEN (old.id, old.name, old.display) IS NOT (new.id, new.name, new.display)
BEGIN
    INSERT INTO names_stale (domain_id) VALUES (old.id) ON CONFLICT DO NOTHING;
    INSERT INTO names_stale (domain_id) VALUES (new.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER names_of_gone_domain AFTER DELETE ON domains
BEGIN
    INSERT INTO names_stale (domain_id) VALUES (old.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER names_of_new_alias AFTER INSERT ON aliases
BEGIN
    INSERT INTO names_stale (domain_id) VALUES (new.domain_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER names_of_changed_alias AFTER UPDATE OF alias, display, domain_id ON aliases
BEGIN
    INSERT INTO names_stale (domain_id) VALUES (old.domain_id) ON CONFLICT DO NOTHING;
    INSERT INTO names_stale (domain_id) VALUES (new.domain_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER names_of_gone_alias AFTER DELETE ON aliases
BEGIN
    INSERT INTO names_stale (domain_id) VALUES (old.domain_id) ON CONFLICT DO NOTHING;
END;

INSERT INTO names (rowid, text)
SELECT d.id, d.name || char(10) || d.display || coalesce(char(10) || (
    SELECT group_concat(a.alias || char(10) || a.display, char(10)) FROM aliases a WHERE a.domain_id = d.id), '')
FROM domains d ORDER BY d.id;

-- The beginnings of names: A-labels have their indexes, so only names that read otherwise are in these.
CREATE INDEX domains_by_display ON domains (display) WHERE display <> name;
CREATE INDEX aliases_by_display ON aliases (display) WHERE display <> alias;

-- Recipients that were opened, created or explained here: MailChannels does not list its own.
CREATE TABLE recipients_seen (
    id      INTEGER NOT NULL PRIMARY KEY,
    address TEXT    NOT NULL UNIQUE, -- lower case, domain an A-label, no alias
    domain  TEXT    NOT NULL, -- A-label
    seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX recipients_seen_by_age ON recipients_seen (seen_at);

CREATE VIRTUAL TABLE recipients_names USING fts5(
    address, tokenize = 'trigram', content = '', contentless_delete = 1, detail = none);
CREATE TRIGGER names_of_new_recipient AFTER INSERT ON recipients_seen
BEGIN
    INSERT INTO recipients_names (rowid, address) VALUES (new.id, new.address);
END;
CREATE TRIGGER names_of_gone_recipient AFTER DELETE ON recipients_seen
BEGIN
    DELETE FROM recipients_names WHERE rowid = old.id;
END;
