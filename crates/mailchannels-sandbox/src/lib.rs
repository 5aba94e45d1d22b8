//! Faithful stand-in for the MailChannels Inbound API.
