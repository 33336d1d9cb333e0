//! The session: `spaceevo`, the binary a person starts.

fn main() {}
