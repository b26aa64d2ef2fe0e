use domain::Refusal;
use serde_json::json;
use wire::problem::{ErrorAnswer, Problem};

#[derive(Debug)]
pub(in super::super) struct Error {
    status: u16,
    text: String,
    retry_after: Option<u32>,
}

impl Error {
    pub(in super::super) fn no_key() -> Self {
        Self { status: 401, text: "no key fits".to_owned(), retry_after: None }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let status = if refusal == Refusal::GroupUnknown { 404 } else { 422 };
        let retry_after = refusal.retry_after_secs();
        Self { status, text: refusal.to_string(), retry_after }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let (status, retry_after) = (problem.status(), problem.retry_after_secs());
        Self { status, text: problem.text(), retry_after }
    }
}

impl ErrorAnswer for Error {
    fn status(&self) -> u16 {
        self.status
    }

    fn retry_after_secs(&self) -> Option<u32> {
        self.retry_after
    }

    fn reason(&self) -> String {
        self.text.clone()
    }

    fn body(&self, _trace_id: Option<String>) -> Vec<u8> {
        json!({ "toy_says": self.text }).to_string().into_bytes()
    }
}
