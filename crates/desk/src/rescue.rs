//! What is done about a leaked key, step by step. Each step is written down when it is done, so that it goes
//! on where it stopped; none is skipped, and a step that failed leaves everything as it was.

use crate::{
    Asker, Desk, DeskError,
    error::Result,
    live::patiently,
    reach::Opened,
    rescue_view::{Pair, can_take_over, pair, progress},
    watch::CHANGES_KEPT_MS,
};
use inbound::rescue::{Moved, Progress, Step};
use mailchannels::Error as Upstream;
use std::collections::BTreeSet;
use store::{KeyRow, NewRescue, RescueRow};

/// How many days back a leak can be looked into: as long as evidence is kept.
pub const SINCE_DAYS: [i64; 4] = [1, 3, 7, 30];

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether a key is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// `MailChannels` rejects it.
    Dead,
    /// `MailChannels` takes it.
    Alive,
    /// It could not be asked: what happened and the next step.
    Unknown((String, String)),
}

/// What became of a key that was stored to take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heir {
    /// It takes over.
    Chosen,
    /// It is stored, but belongs to another account.
    OfAnotherAccount,
    /// It is stored, but the guide went on elsewhere meanwhile.
    NotChosen,
}

/// What asking both keys came to.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What each sees.
    pub moved: Moved,
    /// The old key is rejected, and so sees nothing.
    pub old_is_dead: bool,
}

impl Desk {
    /// Asks both keys afresh what they see, 5,000 domains a call, and brings the mirror up to date with it.
    /// Those of a rescue that is open have to be accounted for, or else those that the old key saw so far.
    /// A key that is rejected sees nothing; any other failure decides nothing.
    pub async fn verify_moved(&self, asker: &Asker, old_key_id: &str, new_key_id: &str) -> Result<Verified> {
        let rows = self.key_rows(&asker.person).await?;
        let key = |id: &str| rows.iter().find(|row| row.id == id).ok_or_else(|| DeskError::Gone("such key".into()));
        let (old, new) = (key(old_key_id)?, key(new_key_id)?);
        if old.account_id != new.account_id {
            return Err(another_account());
        }
        let rescue = self.0.store.rescue_of_key(&asker.person.id, old_key_id).await?;
        let rescue = rescue.filter(|rescue| rescue.closed_at.is_none() && rescue.old_fingerprint == old.fingerprint);
        let expected: BTreeSet<_> = match rescue {
            Some(rescue) => self.0.store.rescue_names(&rescue.id).await?,
            None => self.0.store.names_seen(&old.fingerprint).await?,
        }
        .into_iter()
        .collect();
        let (old, new) = (self.open_used(old).await?, self.open_used(new).await?);
        let (new_sees, old_sees) = futures::join!(self.mirror(&new, new.session()), self.mirror(&old, old.session()));
        let new_sees = new_sees.map_err(only_read)?;
        let (old_sees, old_is_dead) = match old_sees {
            Err(DeskError::Upstream(Upstream::BadKey)) => (BTreeSet::new(), true),
            other => (other.map_err(only_read)?, false),
        };
        Ok(Verified { moved: Moved::of(&expected, &new_sees, &old_sees), old_is_dead })
    }

    /// Whether a key is dead: whether the plainest call with it is answered by a rejection of the key.
    pub async fn is_dead(&self, asker: &Asker, key_id: &str) -> Result<Pulse> {
        let rows = self.key_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.id == key_id).ok_or_else(|| DeskError::Gone("such key".into()))?;
        let opened = self.open_used(row).await?;
        match patiently(opened.session().domains_page(1, 0)).await {
            Ok(_) => Ok(Pulse::Alive),
            Err(Upstream::BadKey) => {
                self.note_failure(&row.fingerprint, &Upstream::BadKey).await?;
                Ok(Pulse::Dead)
            }
            Err(error) => Ok(Pulse::Unknown(DeskError::Upstream(error).reading_words())),
        }
    }

    /// Begins the rescue of one of the person's keys, or goes on with the one that is open. `days` is how long
    /// ago it may have leaked.
    pub async fn begin_rescue(&self, asker: &Asker, key_id: &str, days: &str) -> Result<()> {
        let days: i64 = days
            .trim()
            .parse()
            .ok()
            .filter(|days| SINCE_DAYS.contains(days))
            .ok_or_else(|| DeskError::field("since", "Choose how long ago somebody may first have had the key."))?;
        let rows = self.own_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.id == key_id).ok_or_else(|| DeskError::Gone("such key".into()))?;
        let account = row.account_id.as_deref().ok_or_else(|| DeskError::Gone("such account".into()))?;
        let intent =
            self.rescue_intent(asker, "rescue.begin", row, Some(&format!("leaked up to {days} days ago"))).await?;
        let now = self.now_ms();
        self.0
            .store
            .begin_rescue(&NewRescue {
                id: &self.new_id(),
                person_id: &asker.person.id,
                account_id: account,
                old_key_id: &row.id,
                old_fingerprint: &row.fingerprint,
                since: now - (days * DAY_MS).min(CHANGES_KEPT_MS),
                now,
            })
            .await?;
        self.conclude(intent, "done").await;
        Ok(())
    }

    /// Chooses which of the person's keys takes over. Another one than before has to be moved to, too.
    pub async fn choose_new_key(&self, asker: &Asker, old_key_id: &str, new_key_id: &str) -> Result<()> {
        let open = self.open_rescue(asker, old_key_id, Step::NewKey).await?;
        let new = open.rows.iter().find(|row| row.id == new_key_id);
        let new = new.ok_or_else(|| DeskError::field("key", "Choose one of your keys."))?;
        if new.fingerprint == open.row.old_fingerprint {
            return Err(DeskError::field("key", "That is the leaked key. Choose another one, or add one."));
        }
        if !can_take_over(new, &open.row) {
            return Err(another_account());
        }
        let mut row = open.row.clone();
        row.new_key_id = Some(new.id.clone());
        row.new_fingerprint = Some(new.fingerprint.clone());
        let changed = open.row.new_fingerprint != row.new_fingerprint;
        let reached = if changed { open.progress.back_to(Step::NewKey) } else { open.progress };
        let intent = self.rescue_intent(asker, "rescue.new-key", open.old_or(new), Some(&new.label)).await?;
        self.write(&open.row, row, reached.after(Step::NewKey), Some(intent)).await
    }

    /// Stores a key and lets it take over. One that can't is stored all the same.
    pub async fn add_new_key(&self, asker: &Asker, old_key_id: &str, label: &str, secret: &str) -> Result<Heir> {
        let open = self.open_rescue(asker, old_key_id, Step::NewKey).await?;
        self.add_key(asker, label, secret).await?;
        let rows = self.own_rows(&asker.person).await?;
        let added = rows.iter().find(|row| row.label == label.trim()).ok_or(DeskError::Storage)?;
        if !can_take_over(added, &open.row) {
            return Ok(Heir::OfAnotherAccount);
        }
        match self.choose_new_key(asker, old_key_id, &added.id).await {
            Ok(()) => Ok(Heir::Chosen),
            // The key is stored, so "nothing was changed" would not be true.
            Err(DeskError::Stale) => Ok(Heir::NotChosen),
            Err(error) => Err(error),
        }
    }

    /// Notes that the moves were made, with the number of their plan if there is one. Whether they were, the
    /// next step finds out.
    pub async fn rescue_moved(&self, asker: &Asker, old_key_id: &str, job: Option<i64>) -> Result<()> {
        let open = self.open_rescue(asker, old_key_id, Step::Move).await?;
        let mut row = open.row.clone();
        row.moved_at = Some(self.now_ms());
        row.job = job.or(row.job);
        self.write(&open.row, row, open.progress.after(Step::Move), None).await
    }

    /// Notes the number of the plan of a rescue's moves, by the rescue's id; the person's own and open, or nothing.
    pub async fn rescue_planned(&self, asker: &Asker, rescue_id: &str, job: i64) -> Result<()> {
        let row = self.0.store.rescue(&asker.person.id, rescue_id).await?;
        let row = row.filter(|row| row.closed_at.is_none()).ok_or(DeskError::Stale)?;
        let planned = RescueRow { job: Some(job), ..row.clone() };
        if self.0.store.step_rescue(&row, &planned).await? { Ok(()) } else { Err(DeskError::Stale) }
    }

    /// Asks both keys. It is done when the old one sees none of the domains; with `leave`, also when it still
    /// sees some, which then stay open to whoever has it until it is deleted.
    pub async fn rescue_verify(&self, asker: &Asker, old_key_id: &str, leave: bool) -> Result<Verified> {
        let open = self.open_rescue(asker, old_key_id, Step::Verify).await?;
        let (old, new) = open.both()?;
        let intent = self.rescue_intent(asker, "rescue.verify", old, None).await?;
        let verified = match self.verify_moved(asker, &old.id, &new.id).await {
            Ok(verified) => verified,
            Err(error) => {
                self.conclude(intent, &format!("failed: {error}")).await;
                return Err(error);
            }
        };
        let Moved { moved, open: free, left, missing } = &verified.moved;
        let outcome = format!(
            "done: {} moved, {} open to both keys, {} left, {} missing",
            moved.len(),
            free.len(),
            left.len(),
            missing.len()
        );
        self.conclude(intent, &outcome).await;
        let mut row = open.row.clone();
        let good = leave || verified.moved.is_clean();
        row.verified_at = good.then(|| self.now_ms());
        let reached = if good { open.progress.after(Step::Verify) } else { open.progress.back_to(Step::Verify) };
        self.write(&open.row, row, reached, None).await?;
        Ok(verified)
    }

    /// Reads the domains and the account's lists afresh, so that what changed meanwhile is found.
    pub async fn rescue_compare(&self, asker: &Asker, old_key_id: &str) -> Result<()> {
        let open = self.open_rescue(asker, old_key_id, Step::Compare).await?;
        let new = open.heir()?;
        let intent = self.rescue_intent(asker, "rescue.compare", open.old_or(new), None).await?;
        let opened = self.open_used(new).await?;
        // What is still locked to the old key is seen through it alone.
        let old = match open.pair().old {
            Some(old) => Some(self.open_used(old).await?),
            None => None,
        };
        let read = async {
            self.mirror(&opened, opened.session()).await?;
            if let Some(old) = &old {
                match self.mirror(old, old.session()).await {
                    Ok(_) | Err(DeskError::Upstream(Upstream::BadKey)) => {}
                    Err(error) => return Err(error),
                }
            }
            self.read_account_lists(&opened, opened.session(), &open.row.account_id).await
        };
        if let Err(error) = read.await.map_err(only_read) {
            self.conclude(intent, &format!("failed: {error}")).await;
            return Err(error);
        }
        let mut row = open.row.clone();
        row.compared_at = Some(self.now_ms());
        self.write(&open.row, row, open.progress.after(Step::Compare), Some(intent)).await
    }

    /// Notes that the person deleted the key in the Host Console, and checks it.
    pub async fn rescue_deleted(&self, asker: &Asker, old_key_id: &str) -> Result<Pulse> {
        let open = self.open_rescue(asker, old_key_id, Step::Delete).await?;
        let mut row = open.row.clone();
        row.deleted_at = Some(self.now_ms());
        self.write(&open.row, row, open.progress.after(Step::Delete), None).await?;
        self.rescue_check(asker, old_key_id).await
    }

    /// Asks `MailChannels` whether the old key is dead. One that is alive was not deleted, so that step is
    /// open again.
    pub async fn rescue_check(&self, asker: &Asker, old_key_id: &str) -> Result<Pulse> {
        let open = self.open_rescue(asker, old_key_id, Step::Check).await?;
        let old = open.old()?;
        let intent = self.rescue_intent(asker, "rescue.check", old, None).await?;
        let pulse = match self.is_dead(asker, &old.id).await {
            Ok(pulse) => pulse,
            Err(error) => {
                self.conclude(intent, &format!("failed: {error}")).await;
                return Err(error);
            }
        };
        let (outcome, reached) = match pulse {
            Pulse::Dead => ("done: it is rejected", open.progress.after(Step::Check)),
            Pulse::Alive => ("done: it is still taken", open.progress.back_to(Step::Delete)),
            Pulse::Unknown(_) => ("unknown: it could not be asked", open.progress),
        };
        self.conclude(intent, outcome).await;
        let mut row = open.row.clone();
        if pulse == Pulse::Dead {
            row.dead_at = Some(self.now_ms());
        }
        self.write(&open.row, row, reached, None).await?;
        if pulse == Pulse::Dead {
            // What was locked to it is free now, and the other keys see it: the new one is asked at once.
            let new = open.heir()?.fingerprint.clone();
            self.sync_soon(&new).await;
            let others = open.rows.iter().filter(|row| row.account_id.as_ref() == Some(&open.row.account_id));
            let others = others.map(|row| row.fingerprint.clone());
            let others: Vec<_> = others.filter(|key| *key != new && *key != open.row.old_fingerprint).collect();
            let desk = self.clone();
            tokio::spawn(async move { desk.sync_each(others).await });
        }
        Ok(pulse)
    }

    /// Removes a dead key from Sluice, by its typed label, and ends its rescue.
    pub async fn rescue_remove(&self, asker: &Asker, old_key_id: &str, typed: &str) -> Result<()> {
        let open = self.open_rescue(asker, old_key_id, Step::Check).await?;
        if open.progress.next().is_some() {
            return Err(DeskError::Stale);
        }
        let old = open.old()?;
        self.remove_key(asker, &old.id, typed).await?;
        self.0.store.close_rescue(&asker.person.id, &open.row.id, self.now_ms()).await?;
        Ok(())
    }

    /// Ends a rescue, finished or not. Nothing else changes.
    pub async fn close_rescue(&self, asker: &Asker, old_key_id: &str) -> Result<()> {
        let open = self.open_rescue(asker, old_key_id, Step::NewKey).await?;
        let reached = if open.progress.next().is_none() { "finished" } else { "stopped before its end" };
        let (id, fingerprint) = (open.row.old_key_id.clone(), open.row.old_fingerprint.clone());
        let intent = self.key_intent(asker, "rescue.close", &id, Some(&fingerprint), None, Some(reached)).await?;
        self.0.store.close_rescue(&asker.person.id, &open.row.id, self.now_ms()).await?;
        self.conclude(intent, "done").await;
        Ok(())
    }

    /// The open rescue of a key, if the step may be taken: an old page asks for one that is not next.
    async fn open_rescue(&self, asker: &Asker, old_key_id: &str, step: Step) -> Result<Open> {
        let row = self.0.store.rescue_of_key(&asker.person.id, old_key_id).await?;
        let row = row.filter(|row| row.closed_at.is_none());
        let row = row.ok_or(DeskError::Stale)?;
        let rows = self.key_rows(&asker.person).await?;
        let progress = progress(&row, pair(&rows, &row).new.is_some());
        if !progress.may(step) {
            return Err(DeskError::Stale);
        }
        Ok(Open { row, rows, progress })
    }

    async fn rescue_intent(&self, asker: &Asker, action: &str, key: &KeyRow, after: Option<&str>) -> Result<i64> {
        self.key_intent(asker, action, &key.id, Some(&key.fingerprint), None, after).await
    }

    /// Writes a step, unless the rescue went on elsewhere meanwhile. Times of steps that are open again go.
    async fn write(&self, was: &RescueRow, mut is: RescueRow, reached: Progress, intent: Option<i64>) -> Result<()> {
        let times = [
            (Step::Move, &mut is.moved_at),
            (Step::Verify, &mut is.verified_at),
            (Step::Compare, &mut is.compared_at),
            (Step::Delete, &mut is.deleted_at),
            (Step::Check, &mut is.dead_at),
        ];
        for (step, time) in times {
            if !reached.has(step) {
                *time = None;
            }
        }
        let written = self.0.store.step_rescue(was, &is).await?;
        if let Some(intent) = intent {
            self.conclude(intent, if written { "done" } else { "failed: it went on elsewhere" }).await;
        }
        if written { Ok(()) } else { Err(DeskError::Stale) }
    }

    /// Opens a stored key for a person's request.
    async fn open_used(&self, row: &KeyRow) -> Result<Opened> {
        let opened = self.open(row)?;
        self.used(row).await?;
        Ok(opened)
    }
}

/// The failure of a step that only reads: whatever became of the answer, it leaves no change in doubt.
fn only_read(error: DeskError) -> DeskError {
    match error {
        DeskError::Upstream(error) => DeskError::before(error),
        other => other,
    }
}

fn another_account() -> DeskError {
    DeskError::field("key", "That key belongs to another account. A domain moves only between keys of one account.")
}

/// A rescue that is open, with its person's keys.
struct Open {
    row: RescueRow,
    rows: Vec<KeyRow>,
    progress: Progress,
}

impl Open {
    fn pair(&self) -> Pair<'_> {
        pair(&self.rows, &self.row)
    }

    fn old(&self) -> Result<&KeyRow> {
        self.pair().old.ok_or(DeskError::Stale)
    }

    fn heir(&self) -> Result<&KeyRow> {
        self.pair().new.ok_or(DeskError::Stale)
    }

    fn both(&self) -> Result<(&KeyRow, &KeyRow)> {
        Ok((self.old()?, self.heir()?))
    }

    /// The leaked key, or what stands in for it in the log when it is gone.
    fn old_or<'a>(&'a self, other: &'a KeyRow) -> &'a KeyRow {
        self.pair().old.unwrap_or(other)
    }
}
