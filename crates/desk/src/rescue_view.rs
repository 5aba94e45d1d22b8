//! A leaked key's rescue as its person sees it: how far it is, and how the domains stand by the mirror.

use crate::{Desk, Health, KeyRef, KeyView, Person, error::Result, keys::view, reach::key_ref};
use inbound::rescue::Progress;
use store::{KeyRow, RescueRow, StandingRow};

/// Some domains: how many, and the first of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// How many there are.
    pub total: u64,
    /// The first of them, A-label.
    pub some: Vec<String>,
}

/// Who sees the domains of a rescue, by the mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Seen by the new key only: done.
    pub moved: Names,
    /// Seen by both: free, and so open to whoever has the old key.
    pub open: Names,
    /// Seen by the old key only.
    pub left: Names,
    /// Seen by neither, but by a third key of the account.
    pub elsewhere: Names,
    /// The old key was the last to see them, and is dead: free, and not looked for yet.
    pub freed: Names,
    /// Seen by no key at all.
    pub missing: Names,
}

impl Standing {
    /// Domains that whoever has the old key still reaches.
    pub fn exposed(&self) -> u64 {
        self.open.total + self.left.total
    }
}

/// Everything the guide shows of a rescue.
#[derive(Clone, Debug)]
pub struct RescueView {
    /// Its record: the times of its steps.
    pub row: RescueRow,
    /// How far it is.
    pub progress: Progress,
    /// The leaked key, while it is stored here under that id and is still that key.
    pub old: Option<KeyView>,
    /// The key that takes over.
    pub new: Option<KeyView>,
    /// The person's other keys of the account, which could.
    pub choices: Vec<KeyRef>,
    /// How the domains stand.
    pub standing: Standing,
}

impl RescueView {
    /// Whether `MailChannels` rejected the leaked key when it was last asked.
    pub fn old_is_rejected(&self) -> bool {
        self.row.dead_at.is_some() || self.old.as_ref().is_some_and(|key| key.health == Health::Rejected)
    }
}

/// Names shown of each group.
const NAMES: u32 = 25;

/// The two keys of a rescue among a person's, as far as they are there.
pub(crate) struct Pair<'a> {
    pub(crate) old: Option<&'a KeyRow>,
    pub(crate) new: Option<&'a KeyRow>,
}

/// Finds the keys of a rescue. A key that was given another secret is another key; one of another account, or
/// the leaked one itself, takes nothing over.
pub(crate) fn pair<'a>(rows: &'a [KeyRow], rescue: &RescueRow) -> Pair<'a> {
    let find = |id: Option<&String>, fingerprint: Option<&String>| {
        rows.iter().find(|row| Some(&row.id) == id && Some(&row.fingerprint) == fingerprint)
    };
    Pair {
        old: find(Some(&rescue.old_key_id), Some(&rescue.old_fingerprint)),
        new: find(rescue.new_key_id.as_ref(), rescue.new_fingerprint.as_ref()).filter(|row| can_take_over(row, rescue)),
    }
}

/// Whether a key can take over from the leaked one.
pub(crate) fn can_take_over(row: &KeyRow, rescue: &RescueRow) -> bool {
    row.fingerprint != rescue.old_fingerprint && row.account_id.as_ref() == Some(&rescue.account_id)
}

/// How far a rescue is, by its record and by whether its new key is there.
pub(crate) fn progress(row: &RescueRow, new_key: bool) -> Progress {
    Progress::of([
        new_key,
        row.moved_at.is_some(),
        row.verified_at.is_some(),
        row.compared_at.is_some(),
        row.deleted_at.is_some(),
        row.dead_at.is_some(),
    ])
}

impl Desk {
    /// A person's rescue of one of their keys: the open one, or the last that ended. Asks nobody.
    pub async fn rescue(&self, person: &Person, old_key_id: &str) -> Result<Option<RescueView>> {
        let Some(row) = self.0.store.rescue_of_key(&person.id, old_key_id).await? else {
            return Ok(None);
        };
        let rows = self.key_rows(person).await?;
        let Pair { old, new } = pair(&rows, &row);
        let dead = row.dead_at.is_some() || old.is_none_or(|key| key.health.as_deref() == Some("rejected"));
        let sees = (!dead).then_some(row.old_fingerprint.as_str());
        let new_sees = new.map(|key| key.fingerprint.as_str());
        let standing = self.0.store.rescue_standing(&row, new_sees, sees, NAMES).await?;
        let choices = rows
            .iter()
            .filter(|key| can_take_over(key, &row) && key.health.as_deref() != Some("rejected"))
            .map(key_ref);
        Ok(Some(RescueView {
            progress: progress(&row, new.is_some()),
            old: old.cloned().map(view),
            new: new.cloned().map(view),
            choices: choices.collect(),
            standing: sorted(standing),
            row,
        }))
    }

    /// Ids of the person's leaked keys whose rescue is under way.
    pub async fn rescues_under_way(&self, person: &Person) -> Result<Vec<String>> {
        Ok(self.0.store.open_rescues(&person.id).await?.into_iter().map(|row| row.old_key_id).collect())
    }
}

fn sorted(rows: Vec<StandingRow>) -> Standing {
    let mut standing = Standing::default();
    for row in rows {
        let names = match row.standing.as_str() {
            "moved" => &mut standing.moved,
            "open" => &mut standing.open,
            "left" => &mut standing.left,
            "elsewhere" => &mut standing.elsewhere,
            "freed" => &mut standing.freed,
            _ => &mut standing.missing,
        };
        names.total = row.alike;
        names.some.push(row.name);
    }
    standing
}
