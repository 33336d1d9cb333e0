//! Bounds where the language's own functions would ask the machine for more memory than it has.

use rhai::plugin::*;
use rhai::{Array, Blob, Dynamic, Engine, ImmutableString};

use super::cross::{Answer, raise};
use crate::base::Fault;

/// Items of an array, letters of a text, bytes of a blob that one call may make.
const MOST: i64 = 100_000_000;

fn bounded(call: &str, size: i64) -> Answer<usize> {
    if size > MOST {
        let message = format!("`{call}` to {size}: more than {MOST} at once");
        return Err(raise(Fault::new("script::too_large", message, "make a smaller one")));
    }
    Ok(usize::try_from(size).unwrap_or(0))
}

#[export_module]
mod sizes {
    /// Fills the array up to `len` items with copies of `item`.
    ///
    /// At most 100 million: `script::too_large`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let a = [1]; a.pad(3, 0); a //> [1, 0, 0]
    /// [1].pad(1000000000000, 1) //> fails script::too_large
    /// ```
    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_array(array: &mut Array, len: i64, item: Dynamic) -> Answer<()> {
        let size = bounded("pad", len)?;
        if size > array.len() {
            array.resize(size, item);
        }
        Ok(())
    }

    /// Fills the text up to `len` letters with copies of a letter.
    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_text(text: &mut ImmutableString, len: i64, letter: char) -> Answer<()> {
        let missing = bounded("pad", len)?.saturating_sub(text.chars().count());
        let tail: String = std::iter::repeat_n(letter, missing).collect();
        *text += tail;
        Ok(())
    }

    /// Fills the text up to `len` letters with copies of another.
    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_text_with(text: &mut ImmutableString, len: i64, more: &str) -> Answer<()> {
        let size = bounded("pad", len)?;
        let missing = size.saturating_sub(text.chars().count());
        let tail: String = more.chars().cycle().take(if more.is_empty() { 0 } else { missing }).collect();
        *text += tail;
        Ok(())
    }

    /// Fills the blob up to `len` bytes with copies of one.
    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_blob(blob: &mut Blob, len: i64, value: i64) -> Answer<()> {
        let size = bounded("pad", len)?;
        if size > blob.len() {
            blob.resize(size, (value & 0xff) as u8);
        }
        Ok(())
    }

    /// A blob of `len` bytes, all 0.
    ///
    /// # Example
    ///
    /// ```rhai
    /// blob(3).len() //> 3
    /// ```
    #[rhai_fn(name = "blob", return_raw)]
    pub fn blob_of(len: i64) -> Answer<Blob> {
        blob_with(len, 0)
    }

    /// A blob of `len` bytes, all with this value.
    ///
    /// # Example
    ///
    /// ```rhai
    /// blob(3, 7)[2] //> 7
    /// ```
    #[rhai_fn(name = "blob", return_raw)]
    pub fn blob_with(len: i64, value: i64) -> Answer<Blob> {
        Ok(vec![(value & 0xff) as u8; bounded("blob", len)?])
    }
}

/// Declares the bounded functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(sizes).into());
}
