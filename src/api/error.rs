//! The error of server functions, as far as a client may see it: closed, without text from anywhere.
//! What a person reads comes from the note that the redirect shows, or from these fixed words.

use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a server function did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppError {
    /// Nobody is signed in.
    SignedOut,
    /// The role isn't enough.
    NotAllowed {
        /// The least role that is.
        needs: String,
    },
    /// It takes a sign-in of the last ten minutes.
    StepUp,
    /// The form was not one of ours.
    BadForm,
    /// Something of ours failed; the log has the rest.
    Internal,
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut => f.write_str("Sign in first."),
            Self::NotAllowed { needs } => {
                write!(f, "Not done: this needs the role {needs}. Ask a colleague who has it.")
            }
            Self::StepUp => f.write_str("Not done yet: confirm first that it is you."),
            Self::BadForm => f.write_str("Not done: the form could not be read. Open the page again."),
            Self::Internal => f.write_str("Not done: something failed in Sluice. Try again."),
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => {
                Self::BadForm
            }
            _ => Self::Internal,
        }
    }
}
