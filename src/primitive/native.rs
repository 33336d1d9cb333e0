//! Functions in Rust: compiled when a script brings them, called like closures, or for many values at once.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr};

use super::cross::{Answer, Cross, raise, to_fault};
use super::front::Output;
use super::host::Host;
use super::options::number;
use super::space::Space;
use super::values::words;
use crate::base::{Fault, Progress, ProgressSink, Result};
use crate::frame::{Column as Cells, Table};
use crate::native::{Column, Data, Library, Type};

/// What a function is called where the language keeps its own name for itself.
const NAMELESS: &str = "native_function";

/// A compiled function. It stands first among the captured values of its closure.
#[derive(Debug, Clone)]
pub(super) struct Native(Arc<Library>);

impl Native {
    /// The compiled function of a library.
    pub(super) fn new(library: Arc<Library>) -> Self {
        Self(library)
    }

    /// The compiled function that a closure calls, with the values that it is given before those of a call; `None` for one
    /// in the language of scripts.
    pub(super) fn of(closure: &FnPtr) -> Option<(Self, &[Dynamic])> {
        let (first, before) = closure.curry().split_first()?;
        Some((first.read_lock::<Self>()?.clone(), before))
    }

    fn call(&self, host: &Host, columns: &[Column], rows: usize) -> Result<Vec<Dynamic>> {
        let answers = host.natives.call(&self.0, columns, rows, &printer(host), &host.cancel)?;
        Ok(match answers {
            None => vec![Dynamic::UNIT; rows],
            Some(column) => (0..rows).map(|row| value(&column, row)).collect(),
        })
    }

    /// One call.
    fn one(&self, host: &Host, given: &[&Dynamic]) -> Result<Dynamic> {
        let columns = self.columns(given.len(), |at, kind| {
            let mut column = Column::new(kind);
            push(&mut column, given[at]).map(|()| column)
        })?;
        Ok(self.call(host, &columns, 1)?.pop().unwrap_or_default())
    }

    /// A call for every item of the arrays among what is given.
    pub(super) fn batch(&self, host: &Host, given: &[Given<'_>]) -> Result<Vec<Dynamic>> {
        let signature = &self.0.signature;
        let mut lengths = given.iter().filter_map(|given| if let Given::Each(items) = given { Some(items.len()) } else { None });
        let Some(rows) = lengths.next() else {
            let what = format!("`map` of `{}` needs an array with a value for each call", signature.name);
            return Err(signature.refuse(what).into());
        };
        if let Some(other) = lengths.find(|length| *length != rows) {
            let what = format!("`map` of `{}` has {rows} values for one argument and {other} for another", signature.name);
            return Err(signature.refuse(what).into());
        }
        let columns = self.columns(given.len(), |at, kind| {
            let mut column = Column::new(kind);
            match given[at] {
                Given::Same(value) => push(&mut column, value).map(|()| column.repeated(rows)),
                Given::Each(items) => {
                    for (place, item) in items.iter().enumerate() {
                        push(&mut column, item).map_err(|found| format!("{found} at item {place}"))?;
                        if place == 0 {
                            column.expect(rows);
                        }
                    }
                    Ok(column)
                }
            }
        })?;
        self.call(host, &columns, rows)
    }

    /// Whether an array given for the parameter at `at` can only be one of its values.
    fn is_list(&self, at: usize, items: &[Dynamic]) -> bool {
        let kind = self.0.signature.parameters.get(at).map(|own| own.kind);
        matches!(kind, Some(Type::Ints | Type::Floats)) && items.first().is_some_and(|item| number(item).is_some())
    }

    /// A call for every row of a table, whose columns have the names of the parameters.
    fn rows(&self, host: &Host, table: &Table) -> Result<Vec<Dynamic>> {
        let names: Vec<_> = self.0.signature.parameters.iter().map(|own| own.name.clone()).collect();
        let cells = names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?;
        let columns = self.columns(cells.len(), |at, kind| of_cells(kind, &cells[at]))?;
        self.call(host, &columns, table.height())
    }

    /// A column for each parameter; `make` gives it, or says what it found in place of it.
    fn columns(&self, given: usize, make: impl Fn(usize, Type) -> std::result::Result<Column, String>) -> Result<Vec<Column>> {
        let signature = &self.0.signature;
        let wanted = signature.parameters.len();
        if given != wanted {
            let values = if wanted == 1 { "one value".into() } else { format!("{wanted} values") };
            return Err(signature.refuse(format!("`{}` takes {values}, not {given}", signature.name)).into());
        }
        let one = |(at, own): (usize, &crate::native::Parameter)| {
            make(at, own.kind).map_err(|found| {
                signature.refuse(format!("`{}` takes {} as `{}`, not {found}", signature.name, own.kind.words(), own.name)).into()
            })
        };
        signature.parameters.iter().enumerate().map(one).collect()
    }
}

/// What is given for one argument of many calls.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// A value for each.
    Each(&'a [Dynamic]),
    /// One value for all.
    Same(&'a Dynamic),
}

/// Where what Rust prints goes: where scripts print.
pub(super) fn printer(host: &Host) -> Progress {
    Progress::to(Arc::new(Printer(host.output().cloned())))
}

/// Prints what functions print.
#[derive(Debug)]
struct Printer(Option<Arc<dyn Output>>);

impl ProgressSink for Printer {
    fn begin(&self, _: u64, _: &str, _: u64) {}
    fn update(&self, _: u64, _: u64, _: &str) {}
    fn end(&self, _: u64) {}
    fn say(&self, line: &str) {
        if let Some(output) = &self.0 {
            output.print(line);
        }
    }
}

/// Appends a value; says what it is if it does not fit.
fn push(column: &mut Column, given: &Dynamic) -> std::result::Result<(), String> {
    let wrong = || words(given);
    match (column.kind, &mut column.data) {
        (Type::Int, Data::Ints(values)) => values.push(given.as_int().map_err(|_| wrong())?),
        (Type::Float, Data::Floats(values)) => values.push(number(given).ok_or_else(wrong)?),
        (Type::Bool, Data::Bytes(values)) => values.push(given.as_bool().map_err(|_| wrong())?.into()),
        (Type::Text, Data::Bytes(values)) => match space(given) {
            Some(space) => values.extend_from_slice(space.encode().as_bytes()),
            None => values.extend_from_slice(given.as_immutable_string_ref().map_err(|_| wrong())?.as_bytes()),
        },
        (Type::Ints, Data::Ints(values)) => match space(given) {
            Some(space) => values.extend(choices(&space)),
            None => {
                for item in given.as_array_ref().map_err(|_| wrong())?.iter() {
                    values.push(item.as_int().map_err(|_| format!("one with {}", words(item)))?);
                }
            }
        },
        (Type::Floats, Data::Floats(values)) => match space(given) {
            Some(space) => values.extend(choices(&space).map(|choice| choice as f64)),
            None => {
                for item in given.as_array_ref().map_err(|_| wrong())?.iter() {
                    values.push(number(item).ok_or_else(|| format!("one with {}", words(item)))?);
                }
            }
        },
        _ => return Err(wrong()),
    }
    if column.kind.is_list() {
        column.end();
    }
    Ok(())
}

/// The search space that a value is, if it is one.
fn space(given: &Dynamic) -> Option<Space> {
    given.read_lock::<Space>().map(|space| space.clone())
}

/// Its choices, as `space.choices` has them.
fn choices(space: &Space) -> impl Iterator<Item = i64> {
    space.operators.iter().chain(&space.windows).map(|choice| *choice as i64)
}

/// The column of a table as values for a function; says what is there in place of it.
fn of_cells(kind: Type, cells: &Cells) -> std::result::Result<Column, String> {
    fn whole<T: Clone>(values: &[Option<T>]) -> std::result::Result<Vec<T>, String> {
        let missing = |row: usize| format!("a column with a missing value, at row {row}");
        values.iter().enumerate().map(|(row, value)| value.clone().ok_or_else(|| missing(row))).collect()
    }
    let mut column = Column::new(kind);
    match (kind, cells) {
        (Type::Int, Cells::Int(values)) => column.data = Data::Ints(whole(values)?),
        (Type::Float, Cells::Float(values)) => column.data = Data::Floats(whole(values)?),
        (Type::Float, Cells::Int(values)) => {
            column.data = Data::Floats(whole(values)?.into_iter().map(|value| value as f64).collect());
        }
        (Type::Bool, Cells::Bool(values)) => column.data = Data::Bytes(whole(values)?.into_iter().map(u8::from).collect()),
        (Type::Text, Cells::Text(values)) => {
            for text in whole(values)? {
                push(&mut column, &text.into())?;
            }
        }
        (Type::Floats, Cells::List(values)) => {
            for list in whole(values)? {
                if let Data::Floats(values) = &mut column.data {
                    values.extend(list);
                }
                column.end();
            }
        }
        (_, cells) => return Err(format!("a column of {}", cells.kind().words())),
    }
    Ok(column)
}

/// The answer of one row.
fn value(column: &Column, row: usize) -> Dynamic {
    let range = column.range(row);
    match (column.kind, &column.data) {
        (Type::Int, Data::Ints(values)) => values[row].into(),
        (Type::Float, Data::Floats(values)) => values[row].into(),
        (Type::Ints, Data::Ints(values)) => values[range].iter().copied().map(Dynamic::from).collect::<Array>().into(),
        (Type::Floats, Data::Floats(values)) => values[range].iter().copied().map(Dynamic::from).collect::<Array>().into(),
        (Type::Text, Data::Bytes(values)) => String::from_utf8_lossy(&values[range]).into_owned().into(),
        (_, Data::Bytes(values)) => (values[row] != 0).into(),
        _ => Dynamic::UNIT,
    }
}

/// The closure of a compiled function.
pub(super) fn closure(native: Native) -> Result<FnPtr> {
    let call = |context: NativeCallContext, arguments: &mut [&mut Dynamic]| -> Answer<Dynamic> {
        let host = Host::of(&context)?;
        let lost = || raise(Fault::new("native::function", "this closure lost its function", "call `native` again"));
        let (first, given) = arguments.split_first().ok_or_else(lost)?;
        let native = first.read_lock::<Native>().ok_or_else(lost)?.clone();
        native.one(&host, &given.iter().map(|value| &**value).collect::<Vec<_>>()).cross()
    };
    #[allow(deprecated, reason = "the constructor is marked volatile, not deprecated")]
    let made = FnPtr::from_fn(native.0.signature.name.as_str(), call).or_else(|_| FnPtr::from_fn(NAMELESS, call));
    let mut closure = made.map_err(|error| to_fault(&error))?;
    closure.set_curry([Dynamic::from(native)]);
    Ok(closure)
}

/// Calls a closure for all items: a compiled function at once, any other one by one.
fn each(context: &NativeCallContext, closure: &FnPtr, given: &[Dynamic]) -> Answer<Array> {
    let host = Host::of(context)?;
    if let Some((native, before)) = Native::of(closure) {
        if let (Some(table), [_]) = (given.first().and_then(Dynamic::read_lock::<Table>), given) {
            return native.rows(&host, &table).cross();
        }
        let arrays: Vec<_> = given.iter().map(|value| value.as_array_ref().ok()).collect();
        let mut all: Vec<_> = before.iter().map(Given::Same).collect();
        for (at, value) in given.iter().enumerate() {
            all.push(match &arrays[at] {
                Some(items) if given.len() == 1 || !native.is_list(before.len() + at, items.as_slice()) => {
                    Given::Each(items.as_slice())
                }
                _ => Given::Same(value),
            });
        }
        return native.batch(&host, &all).cross();
    }
    let Some(items) = given.first().and_then(|first| first.as_array_ref().ok()).filter(|_| given.len() == 1) else {
        let fault =
            Fault::new("native::arguments", "`map` of a closure takes one array", "several arguments go to native functions");
        return Err(raise(fault));
    };
    items.iter().map(|item| closure.call_within_context(context, (item.clone(),))).collect()
}

#[export_module]
mod native_functions {
    /// A function written in Rust, compiled: called as `f.call(...)`, or `f.map(...)` for many values.
    ///
    /// The source holds the function, and whatever it needs of other items; if there are several functions, the one to call
    /// is marked `pub`. It may take `i64`, `f64`, `bool`, `&str`, `String`, `&[f64]`, `&[i64]`, `Vec<f64>`, `Vec<i64>`, and give
    /// any of them that is no reference, nothing, or a `Result` with one of them. In place of a list of numbers or a text it takes
    /// a search space too, as its choices or its encoding, so it can be what `evolve` maximizes.
    ///
    /// Compiled functions are kept in the lab: the same source is ready at once the next time, also without a compiler. They run
    /// in a process of their own: a panic is a fault, an abort or Ctrl-C ends that process and not the session.
    /// What they print is shown when the call is done.
    ///
    /// Fails with `native::compile`, `native::signature`, `native::function`, `native::no_toolchain`; a call with
    /// `native::arguments`, `native::panic`, `native::failed`, `native::died`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let norm = native("fn norm(x: &[f64]) -> f64 { x.iter().map(|v| v * v).sum::<f64>().sqrt() }");
    /// norm.call([3, 4]) //> 5.0
    /// norm.map([[3, 4], [6, 8]]) //> [5.0, 10.0]
    /// norm.call("three") //> fails native::arguments
    /// native("fn f(x: f64) -> f64 { x + }") //> fails native::compile
    /// ```
    #[rhai_fn(return_raw)]
    pub fn native(context: NativeCallContext, source: &str) -> Answer<FnPtr> {
        let host = Host::of(&context)?;
        let library = host.natives.library(source, &host.settings.lab, &host.cancel).cross()?;
        closure(Native(Arc::new(library))).cross()
    }

    /// The answers of a closure for each item of an array, in order. A native function answers for all of them in one go.
    ///
    /// Of a table it takes the columns that are called as its parameters are. `items.par_map(f)` does the same without a copy
    /// of the array being made for the call, which matters if it holds many arrays.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let gain = native("fn gain(fp32_ms: f64, int8_ms: f64) -> f64 { fp32_ms / int8_ms }");
    /// gain.map(table(#{ fp32_ms: [3.0, 5.0], int8_ms: [1.5, 2.0] })) //> [2.0, 2.5]
    /// ```
    #[rhai_fn(name = "map", return_raw)]
    pub fn map_one(context: NativeCallContext, closure: FnPtr, items: Dynamic) -> Answer<Array> {
        each(&context, &closure, &[items])
    }

    /// The answers of a native function of two arguments. What is no array is the same in all calls.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let scaled = native("fn scaled(x: f64, by: f64) -> f64 { x * by }");
    /// scaled.map([1, 2, 3], 10) //> [10.0, 20.0, 30.0]
    /// ```
    #[rhai_fn(name = "map", return_raw)]
    pub fn map_two(context: NativeCallContext, closure: FnPtr, first: Dynamic, second: Dynamic) -> Answer<Array> {
        each(&context, &closure, &[first, second])
    }

    /// The answers of a native function of three arguments.
    #[rhai_fn(name = "map", return_raw)]
    pub fn map_three(
        context: NativeCallContext,
        closure: FnPtr,
        first: Dynamic,
        second: Dynamic,
        third: Dynamic,
    ) -> Answer<Array> {
        each(&context, &closure, &[first, second, third])
    }
}

/// Declares native functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(native_functions).into());
}
