//! Rules that ask who the user is before they forward (authenticate-oidc, jwt-validation).

use routing::Action;

use super::answers::Answer;
use super::head::RequestHead;

/// What became of an authentication step.
pub enum Verdict {
    /// The next step's turn.
    Pass,
    Answer(Answer),
}

/// Runs an authentication step. A proxy that cannot authenticate lets nobody pass: tokens are refused with 503, sign-ins with 561.
pub fn authenticate(action: &Action, _request: &RequestHead) -> Verdict {
    match action {
        Action::AuthenticateOidc(_) => Verdict::Answer(Answer::page(561)),
        Action::JwtValidation(_) => Verdict::Answer(Answer::page(503)),
        Action::Forward(_) | Action::Redirect(_) | Action::FixedResponse(_) => Verdict::Pass,
    }
}
