//! Typed client of the MailChannels Inbound API.
