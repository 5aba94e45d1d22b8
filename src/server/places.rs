//! Pages and actions that can be found by name, and what each needs.

use crate::server::actor::{Actor, Need};
use desk::Place;

const fn page(path: &'static str, title: &'static str, also: &'static str) -> (Place, Need) {
    (Place { path, title, also, action: false }, Need::Read)
}

const fn action(path: &'static str, title: &'static str, also: &'static str, need: Need) -> (Place, Need) {
    (Place { path, title, also, action: true }, need)
}

/// All of them.
const PLACES: [(Place, Need); 24] = [
    page("/domains", "Domains", "list names"),
    page("/explain", "Explain", "mail missing blocked bounce why"),
    page("/lists", "Lists", "safelist blocklist entries"),
    page("/recipients", "Recipients", "mailboxes users addresses"),
    page("/reports", "Reports", "misjudged spam false positive negative"),
    page("/jobs", "Jobs", "bulk progress outcome retry undo"),
    page("/keys", "API keys", "host console"),
    page("/keys/map", "Key map", "association move leaked compromised"),
    page("/subscriptions", "Subscriptions", "plans limits customers status"),
    (Place { path: "/audit", title: "Audit log", also: "history who did what when", action: false }, Need::ReadAudit),
    (Place { path: "/status", title: "Status", also: "health version disk uptime", action: false }, Need::Operate),
    page("/preferences", "Preferences", "settings keyboard shortcuts help"),
    action("/provision", "Provision domain", "new add create", Need::ChangeDomains),
    action("/bulk/provision", "Provision many", "new add create bulk import csv domains", Need::ChangeDomains),
    action("/bulk", "Bulk changes", "many plan csv", Need::Lists),
    action("/bulk/deprovision", "Deprovision many", "bulk remove leave customers", Need::ChangeDomains),
    action("/bulk/associate", "Move domains to a key", "bulk lock association", Need::ChangeDomains),
    action("/bulk/add-entries", "Add list entries to many", "bulk safelist blocklist", Need::Lists),
    action("/login-links", "Login links", "domain console sign in", Need::LoginLink),
    action("/recipients#h-new", "Create a recipient", "new add mailbox user", Need::Lists),
    action("/keys#add", "Add an API key", "new store", Need::OwnKeys),
    action("/domains?mx=elsewhere", "Domains whose mail goes elsewhere", "mx dns records moved", Need::Read),
    action("/preferences#theme", "Change the theme", "dark light system colours", Need::Read),
    action("/preferences#keys", "Switch single-key shortcuts on or off", "keyboard", Need::Read),
];

/// Places that a person may go. A test opens each.
pub fn of(actor: &Actor) -> Vec<Place> {
    PLACES.iter().filter(|(_, need)| actor.may(*need)).map(|(place, _)| *place).collect()
}
