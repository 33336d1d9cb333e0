//! The first line of an executable script, `#!/usr/bin/env spaceevo`, which is no code.

use std::borrow::Cow;

/// `text` with a first line `#!...` made a comment: all lines and columns stay where they are.
pub(super) fn without_shebang(text: &str) -> Cow<'_, str> {
    match text.strip_prefix("#!") {
        // Blanks in place of the path: with it the comment would look like documentation.
        Some(rest) => {
            let end = rest.find('\n').unwrap_or(rest.len());
            Cow::Owned(format!("//{}{}", " ".repeat(rest[..end].chars().count()), &rest[end..]))
        }
        None => Cow::Borrowed(text),
    }
}
