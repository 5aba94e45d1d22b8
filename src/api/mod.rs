//! Server functions: guard, use case, answer; nothing else.
//!
//! All of them are posted by plain forms. Each ends in a redirect to a page, which shows the outcome
//! from a note kept on the server (see [`crate::server::flash`]); so nothing typed and no error text
//! travels in a URL.

pub mod backups;
pub mod domains;
pub mod error;
pub mod explain;
pub mod forms;
pub mod jobs;
pub mod keys;
pub mod lists;
pub mod mx;
pub mod people;
pub mod provision;
pub mod rescue;

/// Path, need and function name of every server function; a test walks it.
pub const ALL: [(&str, crate::server::actor::Need); 50] = {
    use crate::server::actor::Need::{ChangeDomains, Lists, OwnKeys, People, Read, SeePeople, StoreKeys};
    [
        ("/do/keys/add", StoreKeys),
        ("/do/keys/rename", OwnKeys),
        ("/do/keys/replace", StoreKeys),
        ("/do/keys/remove", OwnKeys),
        ("/do/keys/share", StoreKeys),
        ("/do/keys/unshare", OwnKeys),
        ("/do/keys/sync", Read),
        ("/do/domains/settings", ChangeDomains),
        ("/do/domains/servers/review", ChangeDomains),
        ("/do/domains/servers/replace", ChangeDomains),
        ("/do/domains/admins", ChangeDomains),
        ("/do/domains/alias/add", ChangeDomains),
        ("/do/domains/alias/remove", ChangeDomains),
        ("/do/domains/associate", ChangeDomains),
        ("/do/domains/deprovision", ChangeDomains),
        ("/do/domains/undo", ChangeDomains),
        ("/do/explain/read", Read),
        ("/do/lists/add", Lists),
        ("/do/lists/remove", Lists),
        ("/do/lists/send", Lists),
        ("/do/lists/undo", Lists),
        ("/do/lists/undo-all", Lists),
        ("/do/recipients/create", Lists),
        ("/do/mx/check", Read),
        ("/do/mx/mute", ChangeDomains),
        ("/do/mx/unmute", ChangeDomains),
        ("/do/provision/one", ChangeDomains),
        ("/do/jobs/confirm", Lists),
        ("/do/jobs/discard", Lists),
        ("/do/jobs/pause", Lists),
        ("/do/jobs/resume", Lists),
        ("/do/jobs/cancel", Lists),
        ("/do/jobs/retry", Lists),
        ("/do/jobs/undo", Lists),
        ("/do/rescue/begin", ChangeDomains),
        ("/do/rescue/key", ChangeDomains),
        ("/do/rescue/add-key", ChangeDomains),
        ("/do/rescue/moved", ChangeDomains),
        ("/do/rescue/verify", ChangeDomains),
        ("/do/rescue/compare", ChangeDomains),
        ("/do/rescue/deleted", ChangeDomains),
        ("/do/rescue/check", ChangeDomains),
        ("/do/rescue/remove", ChangeDomains),
        ("/do/rescue/close", ChangeDomains),
        ("/do/backups/make", SeePeople),
        ("/do/people/disable", People),
        ("/do/people/enable", People),
        ("/do/people/sign-out", People),
        ("/do/sessions/end", Read),
        ("/do/sessions/end-others", Read),
    ]
};
