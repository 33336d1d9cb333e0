//! The first line of an executable script, `#!/usr/bin/env spaceevo`, which is no code.

use std::borrow::Cow;

/// `text` with a first line `#!...` made a comment: all lines and columns stay where they are.
pub(super) fn without_shebang(text: &str) -> Cow<'_, str> {
    match text.strip_prefix("#!") {
        Some(rest) => Cow::Owned(format!("//{rest}")),
        None => Cow::Borrowed(text),
    }
}
