//! The C entry that stands beside a function in its library, and runs it row by row.

use std::fmt::Write;

use super::{Signature, Type};

/// What every entry needs. Columns come as pointers to their data, with the ends of rows where these have lengths; what is
/// found goes out through `Emit`: 0 the ends of rows, 1 the data, 2 a message, 3 the row that failed.
const COMMON: &str = r#"
    #[repr(C)]
    pub struct Column {
        data: *const u8,
        ends: *const u64,
    }

    type Emit = extern "C" fn(*mut u8, u32, *const u8, usize);

    unsafe fn one<T: Copy>(column: &Column, row: usize) -> T {
        unsafe { *column.data.cast::<T>().add(row) }
    }

    unsafe fn many<'a, T>(column: &Column, row: usize) -> &'a [T] {
        unsafe {
            let from = if row == 0 { 0 } else { *column.ends.add(row - 1) as usize };
            let to = *column.ends.add(row) as usize;
            std::slice::from_raw_parts(column.data.cast::<T>().add(from), to - from)
        }
    }

    unsafe fn text<'a>(column: &Column, row: usize) -> &'a str {
        unsafe { std::str::from_utf8_unchecked(many(column, row)) }
    }

    fn send<T>(emit: Emit, sink: *mut u8, part: u32, values: &[T]) {
        emit(sink, part, values.as_ptr().cast(), std::mem::size_of_val(values));
    }

    std::thread_local! {
        static PANIC: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
    }

    fn note(panic: &std::panic::PanicHookInfo<'_>) {
        let said = panic.payload_as_str().unwrap_or("it gave no message");
        let place = panic.location().map(|place| format!("{}:{}:{}", place.file(), place.line(), place.column()));
        PANIC.with(|own| *own.borrow_mut() = format!("{}\n{said}", place.unwrap_or_default()));
    }
"#;

/// The name of the entry of a function.
pub(super) fn entry(name: &str) -> String {
    format!("spaceevo_native_{name}")
}

/// What is appended to the source of a function to make its library.
pub(super) fn shim(signature: &Signature) -> String {
    let mut arguments = String::new();
    for (at, parameter) in signature.parameters.iter().enumerate() {
        let column = format!("&*columns.add({at})");
        let taken = match parameter.kind {
            Type::Int => format!("one::<i64>({column}, row)"),
            Type::Float => format!("one::<f64>({column}, row)"),
            Type::Bool => format!("one::<u8>({column}, row) != 0"),
            Type::Text => format!("text({column}, row)"),
            Type::Ints => format!("many::<i64>({column}, row)"),
            Type::Floats => format!("many::<f64>({column}, row)"),
        };
        let owned = if parameter.owned { ".to_owned()" } else { "" };
        let _ = write!(arguments, "{taken}{owned}, ");
    }
    let item = match signature.result {
        None => "()",
        Some(Type::Int | Type::Ints) => "i64",
        Some(Type::Float | Type::Floats) => "f64",
        Some(Type::Bool) => "bool",
        Some(Type::Text) => "u8",
    };
    let failing = if signature.fallible { ".map_err(|error| error.to_string())?" } else { "" };
    let keep = match signature.result {
        Some(Type::Text) => "data.extend_from_slice(given.as_bytes()); ends.push(data.len() as u64);",
        Some(Type::Ints | Type::Floats) => "data.extend_from_slice(&given); ends.push(data.len() as u64);",
        Some(_) | None => "data.push(given);",
    };
    let (name, entry) = (&signature.name, entry(&signature.name));
    format!(
        r#"

#[allow(warnings)]
mod {entry} {{{COMMON}
    #[unsafe(no_mangle)]
    pub extern "C" fn {entry}(columns: *const Column, rows: usize, sink: *mut u8, emit: Emit) -> u32 {{
        static HOOK: std::sync::Once = std::sync::Once::new();
        HOOK.call_once(|| std::panic::set_hook(Box::new(note)));
        let mut done = 0_u64;
        let mut data: Vec<{item}> = Vec::with_capacity(rows);
        let mut ends: Vec<u64> = Vec::new();
        let work = || -> Result<(), String> {{
            for row in 0..rows {{
                done = row as u64;
                let given = unsafe {{ super::{name}({arguments}) }}{failing};
                {keep}
            }}
            Ok(())
        }};
        let (status, message) = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {{
            Ok(Ok(())) => {{
                send(emit, sink, 0, &ends);
                send(emit, sink, 1, &data);
                return 0;
            }}
            Ok(Err(message)) => (2, message),
            Err(_) => (1, PANIC.with(|own| own.take())),
        }};
        send(emit, sink, 2, message.as_bytes());
        send(emit, sink, 3, &[done]);
        status
    }}
}}
"#
    )
}
