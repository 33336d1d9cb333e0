//! Values as fronts show them. What a type looks like is asked of the engine.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use rhai::{AST, Blob, Dynamic, Engine, EvalAltResult, FnPtr};

use super::render::friendly;
use crate::primitive::cross::to_fault;
use crate::primitive::front::{Bundle, Form};
use crate::primitive::host::Host;

/// A value as text, as fronts show it and as `print` does.
pub(super) fn plain(engine: &Engine, value: &Dynamic) -> Result<(String, String), Box<EvalAltResult>> {
    let printed = match value.read_lock::<FnPtr>() {
        Some(closure) if closure.is_anonymous() => "<closure>".into(),
        _ => text(engine, "to_string", value)?,
    };
    // A text is quoted as in source, unless it is a page of its own.
    let plain = if value.is_string() && !printed.contains('\n') { text(engine, "to_debug", value)? } else { printed.clone() };
    Ok((plain, printed))
}

/// A value's forms, and the value as `print` shows it.
pub(super) fn show(engine: &Engine, host: &Host, value: &Dynamic) -> Result<(Bundle, String), Box<EvalAltResult>> {
    let (mut plain, printed) = plain(engine, value)?;
    // A noun whose text is a code is told of in a few lines.
    match FnPtr::new("overview")?.call::<String>(engine, &AST::empty(), (value.clone(),)) {
        Ok(lines) => plain = lines,
        Err(error) if matches!(error.unwrap_inner(), EvalAltResult::ErrorFunctionNotFound(..)) => {}
        Err(error) => return Err(error),
    }
    let mut forms = BTreeMap::from([("text/plain".to_owned(), plain)]);
    let look = host.look();
    for form in look.forms {
        match made(engine, *form, value, look.pixels) {
            Ok(Some(content)) => {
                forms.insert(form.mime().to_owned(), content);
            }
            Ok(None) => {}
            // The text stands all the same.
            Err(error) => {
                let fault = to_fault(&error);
                if let Some(output) = host.output() {
                    output.debug(&format!("{}: {}", fault.code, fault.message), form.method());
                }
            }
        }
    }
    Ok((Bundle { forms }, printed))
}

/// A value in a form that its type may have.
fn made(engine: &Engine, form: Form, value: &Dynamic, pixels: u32) -> Result<Option<String>, Box<EvalAltResult>> {
    let empty = AST::empty();
    let method = FnPtr::new(form.method())?;
    let made = match form {
        Form::Png => method.call::<Blob>(engine, &empty, (value.clone(), i64::from(pixels))).map(|bytes| STANDARD.encode(bytes)),
        _ => method.call(engine, &empty, (value.clone(),)),
    };
    match made {
        Ok(content) => Ok(Some(content)),
        Err(error) if matches!(error.unwrap_inner(), EvalAltResult::ErrorFunctionNotFound(..)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn text(engine: &Engine, form: &str, value: &Dynamic) -> Result<String, Box<EvalAltResult>> {
    let empty = AST::empty();
    match FnPtr::new(form)?.call::<Dynamic>(engine, &empty, (value.clone(),)) {
        Ok(text) => Ok(text.to_string()),
        Err(error) if matches!(error.unwrap_inner(), EvalAltResult::ErrorFunctionNotFound(..)) => {
            Ok(format!("<{}>", friendly(engine.map_type_name(value.type_name()))))
        }
        Err(error) => Err(error),
    }
}
