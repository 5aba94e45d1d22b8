//! Notes for the next page when they can't be written down: whoever is told that the disk is full should read it.

use crate::{Desk, Person};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// Notes kept at most; they are read within a second or two.
const NOTES_MAX: usize = 64;

/// Notes in memory, the oldest first.
#[derive(Default)]
pub(crate) struct Notes(Mutex<VecDeque<Note>>);

struct Note {
    id: String,
    person: String,
    body: String,
}

impl Desk {
    /// Keeps a note of a person's in memory.
    pub fn remember_note(&self, person: &Person, id: &str, body: String) {
        let mut notes = self.0.notes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= NOTES_MAX {
            notes.pop_front();
        }
        notes.push_back(Note { id: id.to_owned(), person: person.id.clone(), body });
    }

    /// A note that was kept in memory, for whom it was kept.
    pub fn remembered_note(&self, person: &Person, id: &str) -> Option<String> {
        let notes = self.0.notes.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().find(|note| note.id == id && note.person == person.id).map(|note| note.body.clone())
    }
}
