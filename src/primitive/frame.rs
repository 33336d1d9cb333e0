//! What a script can say about tables: making them, their columns, what they hold.

mod pages;
mod rows;
mod shape;

use std::any::TypeId;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cells::{
    cell, cells, map_of, maps as rows_as_maps, names as names_of, of_columns, of_each_row, of_rows, selected, value, with_names,
};
use super::cross::{Answer, Cross};
use super::noun::Nouns;
use super::options::Options;
use super::values::share;
use crate::base::{Fault, Result};
use crate::frame::{Column, Expr, GroupBy, Kind, Table};

#[export_module]
mod tables {
    /// A table from a map of columns: `#{ name: [values] }`. Columns stand in the order of their names; `select` reorders.
    ///
    /// A column holds numbers, texts, true/false or lists of numbers; `()` is a missing value.
    /// Fails with `frame::length` or `frame::mixed`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3], b: ["x", "y", "z"] }).filter(col("a") > 1).height //> 2
    /// ```
    #[rhai_fn(name = "table", return_raw)]
    pub fn table_of_columns(columns: Map) -> Answer<Table> {
        of_columns(&columns).cross()
    }

    /// A table from an array of rows, each a map; a key that a row lacks is a missing value there.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table([#{ a: 1 }, #{ a: 2, b: "x" }]).columns //> ["a", "b"]
    /// ```
    #[rhai_fn(name = "table", return_raw)]
    pub fn table_of_rows(rows: Array) -> Answer<Table> {
        of_rows(&rows).cross()
    }

    /// Number of rows.
    #[rhai_fn(get = "height", pure)]
    pub fn height(table: &mut Table) -> i64 {
        table.height() as i64
    }

    /// Number of columns.
    #[rhai_fn(get = "width", pure)]
    pub fn width(table: &mut Table) -> i64 {
        table.width() as i64
    }

    /// Names of the columns, in order.
    #[rhai_fn(get = "columns", pure)]
    pub fn columns(table: &mut Table) -> Array {
        table.columns().into_iter().map(Dynamic::from).collect()
    }

    /// The values of a column, as an array: `t["ms"]` or `t.ms`.
    #[rhai_fn(index_get, return_raw, pure)]
    pub fn column_by_index(table: &mut Table, name: &str) -> Answer<Array> {
        values_of(table, name).cross()
    }

    /// The values of a column, as an array; `()` where one is missing.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2] }).column("a") //> [1, 2]
    /// table(#{ int8_ms: [1.5] }).column("int8_m") //> fails frame::no_column
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn column(table: &mut Table, name: &str) -> Answer<Array> {
        values_of(table, name).cross()
    }

    /// All columns as a map from names to arrays.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2], b: ["x", ()] }).to_columns().b //> ["x", ()]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn to_columns(table: &mut Table) -> Answer<Map> {
        let names = table.columns();
        names.into_iter().map(|name| Ok((name.as_str().into(), values_of(table, &name)?.into()))).collect::<Result<_>>().cross()
    }

    /// What each column holds: "float", "int", "text", "bool" or "list".
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2], b: ["x", "y"] }).kinds //> #{"a": "int", "b": "text"}
    /// ```
    #[rhai_fn(get = "kinds", pure)]
    pub fn kinds(table: &mut Table) -> Map {
        table.kinds().into_iter().map(|(name, kind)| (name.into(), kind.name().into())).collect()
    }

    /// Row `index` as a map; the first is 0, the last -1.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3] }).row(-1).a //> 3
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn row(table: &mut Table, index: i64) -> Answer<Map> {
        table.row(index).map(map_of).cross()
    }

    /// All rows, each a map. `for row in t` goes through the same.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2] }).to_maps().map(|row| row.a * 10) //> [10, 20]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn to_maps(table: &mut Table) -> Answer<Array> {
        rows_as_maps(table).cross()
    }

    /// The columns with these names, in this order, or computed by expressions.
    ///
    /// They are a name, an expression, an array of both, or a map from new names to expressions.
    /// Fails with `frame::no_column`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ a: [1], b: [2], c: [3] });
    /// t.select(["c", "a"]).columns //> ["c", "a"]
    /// t.select(["c", (col("a") + col("b")).alias("sum")]).row(0) //> #{"c": 3, "sum": 3}
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn select(table: &mut Table, columns: Dynamic) -> Answer<Table> {
        if columns.is_string() {
            return with_names("select", &columns, |names| table.select(names));
        }
        table.select_exprs(&selected(&columns).cross()?).cross()
    }

    /// The table without these columns: one name, or an array of names.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1], b: [2] }).drop("a").columns //> ["b"]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn drop(table: &mut Table, columns: Dynamic) -> Answer<Table> {
        with_names("drop", &columns, |names| table.drop(names))
    }

    /// The table with a column under another name.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ ms: [1.5] }).rename("ms", "int8_ms").columns //> ["int8_ms"]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn rename(table: &mut Table, from: &str, to: &str) -> Answer<Table> {
        table.rename(&[(from, to)]).cross()
    }

    /// The table with several columns under other names: a map from the old names to the new ones.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1], b: [2] }).rename(#{ a: "b", b: "a" }).columns //> ["b", "a"]
    /// ```
    #[rhai_fn(name = "rename", return_raw, pure)]
    pub fn rename_all(table: &mut Table, names: Map) -> Answer<Table> {
        let text = |(from, to): (rhai::Identifier, Dynamic)| {
            names_of("rename", &to).map(|to| to.into_iter().map(|to| (from.to_string(), to)).collect::<Vec<_>>())
        };
        let pairs = names.into_iter().map(text).collect::<Result<Vec<_>>>().cross()?.concat();
        table.rename(&pairs.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect::<Vec<_>>()).cross()
    }

    /// The table with one more column, or with the one of this name replaced.
    ///
    /// Its values are an expression, a closure that is given each row as a map, an array, or one value for all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ ms: [2.0, 4.0] });
    /// t.with_column("speedup", 8 / col("ms"))["speedup"] //> [4.0, 2.0]
    /// t.with_column("fast", |row| row.ms < 3)["fast"] //> [true, false]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_column(context: NativeCallContext, table: &mut Table, name: &str, values: Dynamic) -> Answer<Table> {
        if values.is::<FnPtr>() {
            let answers = of_each_row(&context, table, &values.cast::<FnPtr>())?;
            let cells = cells(name, &answers).cross()?;
            return table.put(name, Column::of_cells(name, cells).cross()?).cross();
        }
        if let Some(expr) = values.clone().try_cast::<Expr>() {
            return table.with_column(name, &expr).cross();
        }
        if values.is_array() && table.height() > 0 || table.width() == 0 {
            let array =
                values.as_array_ref().map_err(|_| Fault::new("frame::length", "an empty table has no rows", "give an array"));
            let cells = cells(name, &*array.cross()?).cross()?;
            return table.put(name, Column::of_cells(name, cells).cross()?).cross();
        }
        let cell = cell(name, &values).cross()?;
        table.with_column(name, &Expr::Literal(cell)).cross()
    }

    /// The table with columns as another kind: "float", "int", "text" or "bool".
    ///
    /// For example numbers that came in as texts. Fails with `frame::cast`, which names the first value that cannot be read so.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ ms: ["1.5", "2", ""] }).cast("ms", "float")["ms"] //> [1.5, 2.0, ()]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn cast(table: &mut Table, columns: Dynamic, kind: &str) -> Answer<Table> {
        turned(table, &columns, kind, true)
    }

    /// The table with columns as another kind.
    ///
    /// Options: `strict` (true): whether a value that cannot be read so is a fault; otherwise it is missing.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ ms: ["1.5", "failed"] }).cast("ms", "float", #{ strict: false })["ms"] //> [1.5, ()]
    /// ```
    #[rhai_fn(name = "cast", return_raw, pure)]
    pub fn cast_with(table: &mut Table, columns: Dynamic, kind: &str, given: Map) -> Answer<Table> {
        let options = Options::new("cast", given, &["strict"]).cross()?;
        turned(table, &columns, kind, options.flag("strict").cross()?.unwrap_or(true))
    }

    /// Count, missing, mean, standard deviation, smallest, quartiles and largest of each column of numbers.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let summary = table(#{ a: [1.0, 2.0, 6.0, ()] }).describe();
    /// summary["statistic"] //> ["count", "missing", "mean", "std", "min", "25%", "50%", "75%", "max"]
    /// summary.row(2).a //> 3.0
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn describe(table: &mut Table) -> Answer<Table> {
        table.describe().cross()
    }

    /// The quantile of a column at a share (0 to 1), linear between values.
    ///
    /// An array for an array of shares.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ ms: [1.0, 2.0, 4.0] });
    /// t.quantile("ms", 0.25) //> 1.5
    /// t.quantile("ms", [0, 0.5, 1]) //> [1.0, 2.0, 4.0]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn quantile(table: &mut Table, column: &str, shares: Dynamic) -> Answer<Dynamic> {
        let one = |at: &Dynamic| share("quantile", at).and_then(|at| table.quantile(column, at)).map(value);
        match shares.as_array_ref() {
            Ok(shares) => Ok(shares.iter().map(one).collect::<Result<Array>>().cross()?.into()),
            Err(_) => one(&shares).cross(),
        }
    }
}

fn values_of(table: &Table, name: &str) -> Result<Array> {
    Ok(table.column(name)?.cells().into_iter().map(value).collect())
}

fn turned(table: &Table, columns: &Dynamic, kind: &str, strict: bool) -> Answer<Table> {
    let kind = Kind::parse(kind).cross()?;
    with_names("cast", columns, |names| table.cast(names, kind, strict))
}

/// A count of rows.
fn row_count(call: &'static str, given: i64) -> Answer<usize> {
    usize::try_from(given).map_err(|_| Fault::new("frame::rows", format!("`{call}` of {given} rows"), "give 0 or more")).cross()
}

/// Declares tables.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Table>("Table");
    engine.noun::<GroupBy>("GroupBy");
    let mut module = exported_module!(tables);
    module.set_iter(TypeId::of::<Table>(), |table| {
        let table = table.cast::<Table>();
        Box::new((0..table.height() as i64).filter_map(move |row| Some(map_of(table.row(row).ok()?).into())))
    });
    engine.register_global_module(module.into());
    rows::register(engine);
    shape::register(engine);
    pages::register(engine);
}
