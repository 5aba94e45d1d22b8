//! Pure rules of MailChannels Inbound: names, lists, plans, association; no I/O.
