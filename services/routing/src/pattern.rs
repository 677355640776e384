//! Values with wildcards: `*` is any number of characters, `?` exactly one, `\` makes the next one literal (LB-31).

/// A compiled value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal(char),
    One,
    Any,
}

impl Wildcard {
    /// A value in which case matters.
    pub fn new(value: &str) -> Self {
        Self::compile(value, false)
    }

    /// A value that ignores the case of ASCII letters.
    pub fn ignoring_case(value: &str) -> Self {
        Self::compile(value, true)
    }

    fn compile(value: &str, ignore_case: bool) -> Self {
        let mut parts = Vec::with_capacity(value.len());
        let mut characters = value.chars().peekable();
        while let Some(character) = characters.next() {
            let part = match character {
                '*' if parts.last() == Some(&Part::Any) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => match characters.next_if(|next| matches!(next, '*' | '?' | '\\')) {
                    Some(escaped) => Part::Literal(escaped),
                    None => Part::Literal('\\'),
                },
                other => Part::Literal(fold(other, ignore_case)),
            };
            parts.push(part);
        }
        Self { parts, ignore_case }
    }

    /// The one text that matches, if there are no wildcards; folded to lower case when case is ignored.
    pub fn literal(&self) -> Option<String> {
        self.parts.iter().map(|part| part.literal()).collect()
    }

    /// The characters up to the first wildcard.
    pub fn literal_prefix(&self) -> String {
        self.parts.iter().map_while(|part| part.literal()).collect()
    }

    /// Whether the whole text matches. Takes at most length × length of the value steps.
    pub fn matches(&self, text: &str) -> bool {
        let mut at = 0;
        let mut rest = text.chars();
        // Where to go on when what follows the last `*` does not fit: the star takes one character more.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match (self.parts.get(at), rest.clone().next()) {
                (Some(Part::Any), _) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                }
                (None, None) => return true,
                (Some(Part::One), Some(_)) => {
                    at += 1;
                    rest.next();
                }
                (Some(Part::Literal(literal)), Some(next)) if *literal == fold(next, self.ignore_case) => {
                    at += 1;
                    rest.next();
                }
                _ => {
                    let Some((after, from)) = &mut retry else {
                        return false;
                    };
                    if from.next().is_none() {
                        return false;
                    }
                    at = *after;
                    rest = from.clone();
                }
            }
        }
    }
}

impl Part {
    fn literal(self) -> Option<char> {
        match self {
            Self::Literal(character) => Some(character),
            Self::One | Self::Any => None,
        }
    }
}

fn fold(character: char, ignore_case: bool) -> char {
    match ignore_case {
        true => character.to_ascii_lowercase(),
        false => character,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lb31_a_star_takes_any_number_of_characters_and_a_question_mark_one() {
        for (value, text, matches) in [
            ("/img/*", "/img/", true),
            ("/img/*", "/img", false),
            ("/img/*/pics", "/img/a/b/pics", true),
            ("/a?c", "/abc", true),
            ("/a?c", "/ac", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("?", "ä", true),
            ("**a**", "bab", true),
        ] {
            assert_eq!(Wildcard::new(value).matches(text), matches, "{value} and {text}");
        }
        assert!(Wildcard::ignoring_case("*.Example.com").matches("A.eXample.COM"));
        assert!(!Wildcard::new("/A").matches("/a"));
    }

    #[test]
    fn only_values_without_wildcards_are_literals() {
        assert_eq!(
            Wildcard::ignoring_case("A.com").literal().as_deref(),
            Some("a.com")
        );
        assert_eq!(Wildcard::new("/a*").literal(), None);
        assert_eq!(Wildcard::new(r"/a\*b?").literal_prefix(), "/a*b");
    }

    /// The definition, slowly.
    fn reference(value: &[char], text: &[char]) -> bool {
        match (value.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', after)), _) => {
                reference(after, text) || text.split_first().is_some_and(|(_, text)| reference(value, text))
            }
            (Some(('?', after)), Some((_, text))) => reference(after, text),
            (Some((literal, after)), Some((next, text))) => literal == next && reference(after, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn lb31_the_matcher_agrees_with_the_definition(value in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let (value_characters, characters): (Vec<char>, Vec<char>) = (value.chars().collect(), text.chars().collect());
            prop_assert_eq!(Wildcard::new(&value).matches(&text), reference(&value_characters, &characters));
        }

        #[test]
        fn no_text_makes_the_matcher_panic(value in any::<String>(), text in any::<String>()) {
            let _ = Wildcard::ignoring_case(&value).matches(&text);
        }
    }
}
