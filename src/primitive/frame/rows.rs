//! What a script can say about the rows of a table: which, in what order, and what is missing in them.

use rhai::plugin::*;
use rhai::{Dynamic, Engine, FnPtr, Map};

use super::row_count;
use crate::base::{Fault, Seed};
use crate::frame::{Expr, Table};
use crate::primitive::cells::{cell, of_each_row, with_names};
use crate::primitive::cross::{Answer, Cross, raise};
use crate::primitive::options::Options;
use crate::primitive::values::words;

#[export_module]
mod row_verbs {
    /// The rows where a condition holds. A missing value fulfils no condition.
    ///
    /// Conditions are joined with `&` and `|`, and turned with `!`. Fails with `frame::no_column` or `frame::wrong_kind`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3, 4] }).filter(col("a") > 1 & col("a") != 3)["a"] //> [2, 4]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn filter(table: &mut Table, condition: Expr) -> Answer<Table> {
        table.filter(&condition).cross()
    }

    /// The rows for which a closure, which is given each as a map, answers `true`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3, 4] }).filter(|row| row.a % 2 == 0)["a"] //> [2, 4]
    /// ```
    #[rhai_fn(name = "filter", return_raw, pure)]
    pub fn filter_by(context: NativeCallContext, table: &mut Table, keep: FnPtr) -> Answer<Table> {
        let answers = of_each_row(&context, table, &keep)?;
        let flags = answers.iter().map(|answer| {
            answer.as_bool().map_err(|_| {
                let message = format!("the closure given to `filter` answered {}", words(answer));
                raise(Fault::new("frame::wrong_kind", message, "return true or false, as `|row| row.ms < 3` does"))
            })
        });
        table.keep(&flags.collect::<Answer<Vec<_>>>()?).cross()
    }

    /// The rows in rising order of a column, or of several, the first deciding first. Equal rows keep their order.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [3, 1, 2] }).sort("a")["a"] //> [1, 2, 3]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn sort(table: &mut Table, by: Dynamic) -> Answer<Table> {
        with_names("sort", &by, |names| table.sort(names, &vec![false; names.len()]))
    }

    /// The rows in order of a column, or of several. Missing values and NaN come last in either direction.
    ///
    /// Options: `descending` (false): whether the largest comes first; for several columns also an array, one for each.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [3, 1, 2] }).sort("a", #{ descending: true })["a"] //> [3, 2, 1]
    /// let t = table(#{ op: ["b", "a", "b"], ms: [1, 2, 3] });
    /// t.sort(["op", "ms"], #{ descending: [false, true] })["ms"] //> [2, 3, 1]
    /// ```
    #[rhai_fn(name = "sort", return_raw, pure)]
    pub fn sort_with(table: &mut Table, by: Dynamic, options: Map) -> Answer<Table> {
        let options = Options::new("sort", options, &["descending"]).cross()?;
        let each = match options.value("descending") {
            Some(given) if given.is_array() => {
                let wrong =
                    || options.refuse("descending", "its items must be true or false", "write for example `[false, true]`");
                let flags = options.array("descending").cross()?.unwrap_or_default();
                Some(flags.iter().map(|flag| flag.as_bool().map_err(|_| wrong())).collect::<Result<Vec<_>, _>>().cross()?)
            }
            _ => None,
        };
        let all = if each.is_none() { options.flag("descending").cross()?.unwrap_or(false) } else { false };
        with_names("sort", &by, |names| table.sort(names, &each.unwrap_or_else(|| vec![all; names.len()])))
    }

    /// The first five rows.
    #[rhai_fn(pure)]
    pub fn head(table: &mut Table) -> Table {
        table.head(5)
    }

    /// The first rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3] }).head(2)["a"] //> [1, 2]
    /// ```
    #[rhai_fn(name = "head", return_raw, pure)]
    pub fn head_of(table: &mut Table, count: i64) -> Answer<Table> {
        Ok(table.head(row_count("head", count)?))
    }

    /// The last five rows.
    #[rhai_fn(pure)]
    pub fn tail(table: &mut Table) -> Table {
        table.tail(5)
    }

    /// The last rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3] }).tail(2)["a"] //> [2, 3]
    /// ```
    #[rhai_fn(name = "tail", return_raw, pure)]
    pub fn tail_of(table: &mut Table, count: i64) -> Answer<Table> {
        Ok(table.tail(row_count("tail", count)?))
    }

    /// At most `count` rows from row `from` on; a negative `from` counts from the end.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3, 4] }).slice(1, 2)["a"] //> [2, 3]
    /// table(#{ a: [1, 2, 3, 4] }).slice(-2, 2)["a"] //> [3, 4]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn slice(table: &mut Table, from: i64, count: i64) -> Answer<Table> {
        Ok(table.slice(from, row_count("slice", count)?))
    }

    /// `count` different rows in random order, from seed 0; all of them if there are fewer.
    #[rhai_fn(return_raw, pure)]
    pub fn sample(table: &mut Table, count: i64) -> Answer<Table> {
        table.sample(row_count("sample", count)?, false, Seed(0)).cross()
    }

    /// `count` rows in random order; all of them if there are fewer.
    ///
    /// Options: `seed` (0); `replace` (false): whether a row may come more than once.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ a: [1, 2, 3, 4, 5] });
    /// t.sample(3, #{ seed: 1 })["a"] == t.sample(3, #{ seed: 1 })["a"] //> true
    /// t.sample(9).height //> 5
    /// t.sample(9, #{ seed: 1, replace: true }).height //> 9
    /// ```
    #[rhai_fn(name = "sample", return_raw, pure)]
    pub fn sample_with(table: &mut Table, count: i64, given: Map) -> Answer<Table> {
        let options = Options::new("sample", given, &["seed", "replace"]).cross()?;
        let again = options.flag("replace").cross()?.unwrap_or(false);
        table.sample(row_count("sample", count)?, again, options.seed().cross()?).cross()
    }

    /// Only the first of rows that agree in all columns.
    #[rhai_fn(return_raw, pure)]
    pub fn unique(table: &mut Table) -> Answer<Table> {
        table.unique(&[]).cross()
    }

    /// Only the first of rows that agree in these columns: one name, or an array of names.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["a", "b", "a"], ms: [1, 2, 3] }).unique("op")["ms"] //> [1, 2]
    /// ```
    #[rhai_fn(name = "unique", return_raw, pure)]
    pub fn unique_by(table: &mut Table, columns: Dynamic) -> Answer<Table> {
        with_names("unique", &columns, |names| table.unique(names))
    }

    /// How often each value of a column (or combination of several) occurs, the most frequent first.
    ///
    /// Columns: those, `count`, and `share` of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["a", "b", "b", "b"] }).value_counts("op").row(0) //> #{"count": 3, "op": "b", "share": 0.75}
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn value_counts(table: &mut Table, columns: Dynamic) -> Answer<Table> {
        with_names("value_counts", &columns, |names| table.value_counts(names))
    }

    /// The rows in which nothing is missing.
    #[rhai_fn(return_raw, pure)]
    pub fn drop_nulls(table: &mut Table) -> Answer<Table> {
        table.drop_nulls(&[]).cross()
    }

    /// The rows in which nothing is missing in these columns: one name, or an array of names. NaN is not missing.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ a: [1, (), 3], b: [(), 2, 3] });
    /// t.drop_nulls("a")["a"] //> [1, 3]
    /// t.drop_nulls().height //> 1
    /// ```
    #[rhai_fn(name = "drop_nulls", return_raw, pure)]
    pub fn drop_nulls_in(table: &mut Table, columns: Dynamic) -> Answer<Table> {
        with_names("drop_nulls", &columns, |names| table.drop_nulls(names))
    }

    /// The table with a value in place of missing ones, in all columns of its kind.
    ///
    /// A map gives a value for each column.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ ms: [1.5, ()], op: ["a", ()] });
    /// t.fill_null(0).row(1) //> #{"ms": 0.0, "op": ()}
    /// t.fill_null(#{ ms: 0, op: "?" }).row(1) //> #{"ms": 0.0, "op": "?"}
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn fill_null(table: &mut Table, values: Dynamic) -> Answer<Table> {
        let Ok(by_column) = values.as_map_ref() else {
            return table.fill_null(&[], &cell("fill_null", &values).cross()?).cross();
        };
        let mut filled = table.clone();
        for (name, value) in by_column.iter() {
            filled = filled.fill_null(&[name], &cell(name, value).cross()?).cross()?;
        }
        Ok(filled)
    }
}

/// Declares verbs on rows.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(row_verbs).into());
}
