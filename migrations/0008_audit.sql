-- Each row of the audit log is chained to the one before by a MAC; see crates/store/src/audit/chain.rs. Rows from before
-- this have none until they are adopted at the next start.
ALTER TABLE audit ADD COLUMN key_label TEXT; -- the label of the key used, as it was then
ALTER TABLE audit ADD COLUMN mac BLOB;
-- How it ended, in a word.
ALTER TABLE audit ADD COLUMN ended TEXT GENERATED ALWAYS AS (
    CASE WHEN instr(outcome, ':') > 0 THEN substr(outcome, 1, instr(outcome, ':') - 1) ELSE outcome END
) VIRTUAL;

-- The one change that a row ever sees is its first MAC.
DROP TRIGGER audit_no_update;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
WHEN OLD.mac IS NOT NULL OR NEW.mac IS NULL OR length(NEW.mac) <> 32
    OR NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at
    OR NEW.person_id IS NOT OLD.person_id OR NEW.person_name IS NOT OLD.person_name
    OR NEW.action IS NOT OLD.action OR NEW.object_kind IS NOT OLD.object_kind OR NEW.object IS NOT OLD.object
    OR NEW.account_id IS NOT OLD.account_id OR NEW.fingerprint IS NOT OLD.fingerprint
    OR NEW.key_label IS NOT OLD.key_label OR NEW.request_id IS NOT OLD.request_id
    OR NEW.intent_id IS NOT OLD.intent_id OR NEW.outcome IS NOT OLD.outcome
    OR NEW.before IS NOT OLD.before OR NEW.after IS NOT OLD.after
    OR NEW.reason IS NOT OLD.reason OR NEW.job IS NOT OLD.job
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;
CREATE TRIGGER audit_chained BEFORE INSERT ON audit
WHEN NEW.mac IS NULL OR length(NEW.mac) <> 32
BEGIN
    SELECT raise(ABORT, 'audit is append-only, each row with its mac');
END;

-- One index for each filter of the page, in its order: newest first.
DROP INDEX audit_by_object;
CREATE INDEX audit_by_object ON audit (object, at, id);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_person ON audit (person_id, at, id);
CREATE INDEX audit_by_action ON audit (action, at, id);
CREATE INDEX audit_by_kind ON audit (object_kind, at, id);
CREATE INDEX audit_by_request ON audit (request_id, at, id);
CREATE INDEX audit_by_account ON audit (account_id, at, id) WHERE account_id IS NOT NULL;
CREATE INDEX audit_by_key ON audit (fingerprint, at, id) WHERE fingerprint IS NOT NULL;
CREATE INDEX audit_by_job ON audit (job, at, id) WHERE job IS NOT NULL;
CREATE INDEX audit_by_end ON audit (ended, at, id) WHERE ended IS NOT NULL;
