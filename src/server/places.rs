//! Pages and actions that can be found by name, and what each needs.

use crate::server::actor::{Actor, Need};
use desk::Place;
use std::{collections::HashSet, sync::OnceLock};

const fn page(path: &'static str, title: &'static str, also: &'static str) -> (Place, Need) {
    (Place { path, title, also, action: false }, Need::Read)
}

const fn action(path: &'static str, title: &'static str, also: &'static str, need: Need) -> (Place, Need) {
    (Place { path, title, also, action: true }, need)
}

/// All of them; of those without a page (yet) none is found.
const PLACES: [(Place, Need); 19] = [
    page("/domains", "Domains", "list names"),
    page("/explain", "Explain", "mail missing blocked bounce why"),
    page("/lists", "Lists", "safelist blocklist entries"),
    page("/recipients", "Recipients", "mailboxes users addresses"),
    page("/reports", "Reports", "misjudged spam false positive negative"),
    page("/jobs", "Jobs", "bulk progress outcome retry undo"),
    page("/keys", "API keys", "host console"),
    page("/keys/map", "Key map", "association move leaked compromised"),
    page("/subscriptions", "Subscriptions", "plans limits customers status"),
    page("/preferences", "Preferences", "settings keyboard shortcuts help"),
    action("/provision", "Provision domain", "new add create", Need::ChangeDomains),
    action("/provision/many", "Provision many", "new add create bulk import csv domains", Need::ChangeDomains),
    action("/bulk", "Bulk change", "many plan csv settings servers deprovision", Need::ChangeDomains),
    action("/login-links", "Login links", "domain console sign in", Need::LoginLink),
    action("/recipients#h-new", "Create a recipient", "new add mailbox user", Need::Lists),
    action("/keys#add", "Add an API key", "new store", Need::OwnKeys),
    action("/domains?mx=elsewhere", "Domains whose mail goes elsewhere", "mx dns records moved", Need::Read),
    action("/preferences#theme", "Change the theme", "dark light system colours", Need::Read),
    action("/preferences#keys", "Switch single-key shortcuts on or off", "keyboard", Need::Read),
];

static ROUTES: OnceLock<HashSet<String>> = OnceLock::new();

/// Makes known which pages there are, before anything is served.
pub fn open(routes: impl IntoIterator<Item = String>) {
    // The route table is the same however often a router is built.
    let _ = ROUTES.set(routes.into_iter().collect());
}

/// Places that a person may go.
pub fn of(actor: &Actor) -> Vec<Place> {
    let there = |place: &Place| {
        let path = place.path.split(['?', '#']).next().unwrap_or_default();
        ROUTES.get().is_some_and(|routes| routes.contains(path))
    };
    PLACES.iter().filter(|(place, need)| actor.may(*need) && there(place)).map(|(place, _)| *place).collect()
}
