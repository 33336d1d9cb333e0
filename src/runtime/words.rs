//! What a script can ask of the session itself: help.

use rhai::plugin::*;

use super::catalogue::Catalogue;
use super::render::friendly;
use crate::primitive::cross::{Answer, Cross};
use crate::primitive::host::Host;

#[export_module]
mod session_words {
    /// Lists what the lab can do, by namespace.
    ///
    /// # Example
    ///
    /// ```rhai
    /// help().contains("primitives") //> true
    /// ```
    #[rhai_fn(name = "help", return_raw)]
    pub fn help_overview(context: NativeCallContext) -> Answer<String> {
        Ok(catalogue(&context)?.overview())
    }

    /// Help on a name, or on the type of a value.
    ///
    /// # Example
    ///
    /// ```rhai
    /// help("help").contains("Lists what the lab can do") //> true
    /// ```
    #[rhai_fn(name = "help", return_raw)]
    pub fn help_on(context: NativeCallContext, subject: Dynamic) -> Answer<String> {
        let name = match subject.clone().into_string() {
            Ok(name) => name,
            Err(_) => friendly(context.engine().map_type_name(subject.type_name())),
        };
        catalogue(&context)?.help(&name).cross()
    }
}

fn catalogue(context: &NativeCallContext) -> Answer<Catalogue> {
    let host = Host::of(context)?;
    let library = host.library().cross()?;
    Ok(Catalogue::read(context.engine(), library.as_ref()))
}

/// Declares the words of the session.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(session_words).into());
}
