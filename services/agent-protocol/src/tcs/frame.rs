//! The header block before the JSON of TCS frames.

/// A text frame from the agent, taken apart at the first empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcsFrame<'a> {
    /// `Authorization`, `Host`, `X-Amz-Date` and, with session keys, `X-Amz-Security-Token`.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The JSON envelope.
    pub body: &'a str,
}

impl<'a> TcsFrame<'a> {
    /// Takes a frame apart. A frame without header block is all body.
    pub fn split(text: &'a str) -> Self {
        let Some((block, body)) = text.split_once("\r\n\r\n").filter(|_| !text.starts_with('{')) else {
            return Self {
                headers: Vec::new(),
                body: text,
            };
        };
        let headers = block
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        Self { headers, body }
    }

    /// Puts the headers, in alphabetical order, and an empty line before the body.
    pub fn join(&self) -> String {
        let mut headers = self.headers.clone();
        headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        let mut text = String::with_capacity(self.body.len() + 256);
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        text.push_str(self.body);
        text
    }
}
