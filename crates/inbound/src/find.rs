//! Finding anything by a few typed characters, or by something pasted: what is meant, how near a name is to it, and
//! in which order what was found is shown.

use crate::{lists::lower, name::EmailAddress, pasted::find_domain};

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The text, lower case; of a pasted address, URL or bounce its domain.
    pub text: String,
    /// The address it was part of.
    pub address: Option<EmailAddress>,
}

impl Sought {
    /// Reads what was typed or pasted. A bare name stays as it is: it may be part of another.
    #[must_use]
    pub fn read(typed: &str) -> Self {
        let typed = typed.trim();
        match find_domain(typed) {
            Some(pasted) if !typed.eq_ignore_ascii_case(pasted.domain.as_str()) => {
                Self { text: pasted.domain.to_string(), address: pasted.address.map(|address| lower(&address)) }
            }
            _ => Self { text: typed.to_lowercase(), address: None },
        }
    }
}

/// What was found. Of equally near ones the earlier kind comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A domain.
    Domain,
    /// An alias, and with it its domain.
    Alias,
    /// A recipient.
    Recipient,
    /// One of one's own keys.
    Key,
    /// A job.
    Job,
    /// A page of Sluice.
    Page,
    /// Something to do.
    Action,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 7] =
        [Self::Domain, Self::Alias, Self::Recipient, Self::Key, Self::Job, Self::Page, Self::Action];

    /// The group it is shown in.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::Domain | Self::Alias => "Domains",
            Self::Recipient => "Recipients",
            Self::Key => "API keys",
            Self::Job => "Jobs",
            Self::Page => "Pages",
            Self::Action => "Actions",
        }
    }
}

/// How near a name is to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Near {
    /// It is the text.
    Exact,
    /// It begins with it.
    Begins,
    /// A word or part of it does.
    Part,
    /// It has it somewhere.
    Within,
}

/// Characters from which on a text is looked for within words, where fewer would be found almost everywhere.
const WITHIN_MIN: usize = 3;

/// How near a name is to a lower-case text.
#[must_use]
pub fn near(text: &str, name: &str) -> Option<Near> {
    let name = name.to_lowercase();
    if text.is_empty() {
        return None;
    }
    if name == text {
        return Some(Near::Exact);
    }
    if name.starts_with(text) {
        return Some(Near::Begins);
    }
    let part = |at: usize| name[..at].chars().next_back().is_some_and(|before| !before.is_alphanumeric());
    let mut places = name.match_indices(text).peekable();
    places.peek()?;
    if places.any(|(at, _)| part(at)) {
        return Some(Near::Part);
    }
    (text.chars().count() >= WITHIN_MIN).then_some(Near::Within)
}

/// How near a title is to lower-case words, each of which must begin a word of it or of `also`. No words are near
/// every title.
#[must_use]
pub fn near_title(text: &str, title: &str, also: &str) -> Option<Near> {
    let (title, also) = (title.to_lowercase(), also.to_lowercase());
    if !text.is_empty() {
        if title == text {
            return Some(Near::Exact);
        }
        if title.starts_with(text) {
            return Some(Near::Begins);
        }
    }
    let words = || title.split_whitespace().chain(also.split_whitespace());
    text.split_whitespace().all(|typed| words().any(|word| word.starts_with(typed))).then_some(Near::Part)
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<T> {
    /// Its kind.
    pub kind: Kind,
    /// How near it is.
    pub near: Near,
    /// The name it was found by.
    pub name: String,
    /// The thing.
    pub item: T,
}

impl<T> Candidate<T> {
    /// A thing with the nearest of its names; none when no name has the text.
    pub fn by_names(kind: Kind, text: &str, names: &[&str], item: T) -> Option<Self> {
        let (near, name) =
            names.iter().filter_map(|name| Some((near(text, name)?, *name))).min_by_key(|(near, _)| *near)?;
        Some(Self { kind, near, name: name.to_owned(), item })
    }
}

/// The best of each kind that are shown for certain, however many of another kind are nearer.
const SHARE: usize = 2;

/// Puts what was found in order and keeps at most `limit` of it: the nearest first, of those the earlier kind, of
/// those the shorter name. What is left out is never nearer than what is shown of its kind, and a kind that has
/// something keeps a share of the places.
#[must_use]
pub fn rank<T>(mut found: Vec<Candidate<T>>, limit: usize) -> Vec<Candidate<T>> {
    found.sort_by(|a, b| {
        let key = |candidate: &Candidate<T>| (candidate.near, candidate.kind, candidate.name.chars().count());
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    let mut before = [0_usize; Kind::ALL.len()];
    let mut turns: Vec<_> = found
        .iter()
        .enumerate()
        .map(|(index, candidate)| {
            let of_kind = &mut before[candidate.kind as usize];
            let turn = (*of_kind).min(SHARE);
            *of_kind += 1;
            (turn, index)
        })
        .collect();
    turns.sort_unstable();
    turns.truncate(limit);
    let mut kept: Vec<_> = turns.into_iter().map(|(_, index)| index).collect();
    kept.sort_unstable();
    let mut kept = kept.into_iter().peekable();
    let shown = found.into_iter().enumerate().filter(|(index, _)| kept.next_if_eq(index).is_some());
    shown.map(|(_, candidate)| candidate).collect()
}

/// What was ranked, by groups: the group of the nearest first, and within a group the nearest first.
#[must_use]
pub fn grouped<T>(ranked: Vec<Candidate<T>>) -> Vec<(&'static str, Vec<Candidate<T>>)> {
    let mut groups: Vec<(&'static str, Vec<Candidate<T>>)> = Vec::new();
    for candidate in ranked {
        let name = candidate.kind.group();
        match groups.iter_mut().find(|(group, _)| *group == name) {
            Some((_, members)) => members.push(candidate),
            None => groups.push((name, vec![candidate])),
        }
    }
    groups
}

#[cfg(test)]
mod tests;
