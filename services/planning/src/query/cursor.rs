//! A place in the text of an expression, and how far each kind of token reaches from there.

use super::error::{ParseError, ParseErrorKind};

/// Reads tokens from the front of a text. Which token may come next is the parser's business, since `a,b` is one
/// pattern after `=~` but two values in a list.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Byte offset of the next token.
    pub(super) fn mark(&mut self) -> usize {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.at
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.mark() == self.text.len()
    }

    /// An error at the next token.
    pub(super) fn error<T>(&mut self, kind: ParseErrorKind) -> Result<T, ParseError> {
        let mark = self.mark();
        self.error_at(mark, kind)
    }

    /// An error at a byte offset.
    pub(super) fn error_at<T>(&self, mark: usize, kind: ParseErrorKind) -> Result<T, ParseError> {
        Err(ParseError {
            position: self.text[..mark].chars().count() + 1,
            kind,
        })
    }

    /// Takes a token made of signs, such as `==` or `(`.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        self.mark();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// Takes a keyword, which ends where a word ends.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.mark();
        let found = self.word_ahead() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    /// Takes an operator that is a `!` before a keyword: `!in`, `! exists`.
    pub(super) fn take_negated(&mut self, word: &str) -> bool {
        let start = self.mark();
        let found = self.take_sign("!") && self.take_word(word);
        if !found {
            self.at = start;
        }
        found
    }

    /// Takes the longest run of characters of subjects and keywords; empty when there is none.
    pub(super) fn word(&mut self) -> &'a str {
        self.mark();
        let word = self.word_ahead();
        self.at += word.len();
        word
    }

    fn word_ahead(&self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-' | '/' | '\\')))
            .unwrap_or(rest.len());
        &rest[..end]
    }

    /// Takes a value: text in single quotes, or bare up to a blank, a bracket, a comma or an operator.
    pub(super) fn value(&mut self) -> Result<&'a str, ParseError> {
        if let Some(quoted) = self.quoted()? {
            return Ok(quoted);
        }
        let rest = self.rest();
        let is_end = |c: char| c.is_whitespace() || "()[],'\"=!<>&|".contains(c);
        self.bare(rest.find(is_end).unwrap_or(rest.len()), "a value")
    }

    /// Takes a pattern: text in single quotes, or bare up to a blank or a bracket that it did not open itself.
    pub(super) fn pattern(&mut self) -> Result<&'a str, ParseError> {
        if let Some(quoted) = self.quoted()? {
            return Ok(quoted);
        }
        let rest = self.rest();
        let mut open = 0_usize;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            match c {
                '(' | '[' => open += 1,
                ')' | ']' if open > 0 => open -= 1,
                ')' | ']' | '\'' | '"' => end = end.min(at),
                '&' | '|' if open == 0 && rest[at + 1..].starts_with(c) => end = end.min(at),
                _ if c.is_whitespace() => end = end.min(at),
                _ => {}
            }
            if end <= at {
                break;
            }
        }
        self.bare(end, "a pattern")
    }

    fn bare(&mut self, length: usize, wanted: &'static str) -> Result<&'a str, ParseError> {
        if length == 0 {
            return self.error(ParseErrorKind::Expected(wanted));
        }
        let value = &self.rest()[..length];
        self.at += length;
        Ok(value)
    }

    fn quoted(&mut self) -> Result<Option<&'a str>, ParseError> {
        let start = self.mark();
        if !self.take_sign("'") {
            return Ok(None);
        }
        let Some(length) = self.rest().find('\'') else {
            return self.error_at(start, ParseErrorKind::OpenQuote);
        };
        let value = &self.rest()[..length];
        self.at += length + 1;
        Ok(Some(value))
    }
}
