//! What a script can ask of the session itself: help, the person's answers, to show something.

use rhai::Map;
use rhai::plugin::*;

use super::catalogue::Catalogue;
use super::render::friendly;
use super::shown;
use crate::primitive::cross::{Answer, Cross};
use crate::primitive::front::nobody;
use crate::primitive::host::Host;
use crate::primitive::options::Options;

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
        let columns = Host::of(&context)?.look().columns;
        catalogue(&context)?.help(&name, columns).cross()
    }

    /// Asks the person for a line of text, and gives it without its line break.
    ///
    /// Fails with `input::nobody` where no one can answer, with `session::interrupted` on Ctrl-C.
    ///
    /// # Example
    ///
    /// ```rhai
    /// input() //> fails input::nobody
    /// ```
    #[rhai_fn(name = "input", return_raw)]
    pub fn input_plain(context: NativeCallContext) -> Answer<String> {
        ask(&context, "", false)
    }

    /// Asks the person for a line of text behind `prompt`, and gives it without its line break.
    ///
    /// Fails with `input::nobody` where no one can answer, with `session::interrupted` on Ctrl-C.
    ///
    /// # Example
    ///
    /// ```rhai
    /// input("Which space? ") //> fails input::nobody
    /// ```
    #[rhai_fn(name = "input", return_raw)]
    pub fn input_prompted(context: NativeCallContext, prompt: &str) -> Answer<String> {
        ask(&context, prompt, false)
    }

    /// Asks the person for a line of text behind `prompt`, with options.
    ///
    /// Options: `hidden` (false): what is typed is not shown, as for a password.
    ///
    /// # Example
    ///
    /// ```rhai
    /// input("Token: ", #{ hidden: true }) //> fails input::nobody
    /// ```
    #[rhai_fn(name = "input", return_raw)]
    pub fn input_with(context: NativeCallContext, prompt: &str, given: Map) -> Answer<String> {
        let options = Options::new("input", given, &["hidden"]).cross()?;
        ask(&context, prompt, options.flag("hidden").cross()?.unwrap_or(false))
    }

    /// Shows a value at once, as a notebook shows the value of a cell.
    ///
    /// There a figure is a picture and a table a table.
    /// At the prompt and in scripts it shows the value's text.
    ///
    /// # Example
    ///
    /// ```rhai
    /// type_of(display(1 + 1)) //> ()
    /// ```
    #[rhai_fn(return_raw)]
    pub fn display(context: NativeCallContext, value: Dynamic) -> Answer<()> {
        let host = Host::of(&context)?;
        let (shown, _) = shown::show(context.engine(), &host, &value)?;
        if let Some(output) = host.output() {
            output.display(&shown);
        }
        Ok(())
    }

    /// Takes back what the cell of a notebook has shown so far; elsewhere nothing can be taken back.
    ///
    /// # Example
    ///
    /// ```rhai
    /// type_of(clear_output()) //> ()
    /// ```
    #[rhai_fn(name = "clear_output", return_raw)]
    pub fn clear_now(context: NativeCallContext) -> Answer<()> {
        clear(&context, false)
    }

    /// Takes back what the cell of a notebook has shown so far, with options.
    ///
    /// Options: `wait` (false): only when the next thing is shown, so that nothing flickers.
    ///
    /// # Example
    ///
    /// ```rhai
    /// type_of(clear_output(#{ wait: true })) //> ()
    /// ```
    #[rhai_fn(name = "clear_output", return_raw)]
    pub fn clear_with(context: NativeCallContext, given: Map) -> Answer<()> {
        let options = Options::new("clear_output", given, &["wait"]).cross()?;
        clear(&context, options.flag("wait").cross()?.unwrap_or(false))
    }
}

fn ask(context: &NativeCallContext, prompt: &str, hidden: bool) -> Answer<String> {
    let host = Host::of(context)?;
    host.output().map_or_else(|| Err(nobody()), |output| output.ask(prompt, hidden, &host.cancel)).cross()
}

fn clear(context: &NativeCallContext, wait: bool) -> Answer<()> {
    if let Some(output) = Host::of(context)?.output() {
        output.clear(wait);
    }
    Ok(())
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
