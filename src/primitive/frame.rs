//! What a script can say about tables.

use std::path::PathBuf;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cells::{
    cell, cells, expressions as expressions_of, map_of, maps as rows_as_maps, of_columns, of_rows, value, with_names,
};
use super::cross::{Answer, Cross};
use super::host::Host;
use super::noun::Nouns;
use super::options::Options;
use super::values;
use crate::base::Fault;
use crate::frame::{Column, Expr, GroupBy, JoinKind, Table};

/// Places of a table shown by `print` where nobody knows the terminal.
const PLACES: usize = 100;

fn rows(call: &'static str, count: i64) -> Answer<usize> {
    usize::try_from(count).map_err(|_| Fault::new("frame::rows", format!("`{call}` of {count} rows"), "give 0 or more")).cross()
}

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

    /// The table in a file; its ending (.parquet, .csv or .json) says the format.
    ///
    /// Fails with `file::io`, `frame::format` or `frame::unreadable`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// read_table("measured.xlsx") //> fails frame::format
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_table(context: NativeCallContext, path: &str) -> Answer<Table> {
        Host::of(&context)?.running.reads(path.as_ref());
        Table::read(&PathBuf::from(path)).cross()
    }

    /// Writes the table to a file, whole or not at all. Its ending (.parquet, .csv or .json) says the format.
    ///
    /// Fails with `file::io`, `frame::format`, or `frame::lists` for lists in CSV.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1] }).write("a.xlsx") //> fails frame::format
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn write(table: &mut Table, path: &str) -> Answer<()> {
        table.write(&PathBuf::from(path)).cross()
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

    /// The values of a column, as an array: `t["ms"]`.
    #[rhai_fn(index_get, return_raw, pure)]
    pub fn column(table: &mut Table, name: &str) -> Answer<Array> {
        let column = table.column(name).cross()?;
        Ok(column.cells().into_iter().map(value).collect())
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

    /// All rows, each a map.
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

    /// The columns with these names, in this order. They are one name, an array of names, or an array of expressions.
    ///
    /// Fails with `frame::no_column`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1], b: [2], c: [3] }).select(["c", "a"]).columns //> ["c", "a"]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn select(table: &mut Table, columns: Dynamic) -> Answer<Table> {
        let of_exprs = |first: &Dynamic| first.is::<Expr>();
        let any_expr = of_exprs(&columns) || columns.as_array_ref().is_ok_and(|array| array.iter().any(of_exprs));
        if !any_expr {
            return with_names("select", &columns, |names| table.select(names));
        }
        let columns: Array = columns.into_array().unwrap_or_else(|_| Array::new());
        let expressions = columns.iter().map(|item| match item.clone().into_string() {
            Ok(name) => Ok(crate::frame::col(name)),
            Err(_) => expressions_of("select", item).map(|mut one| one.remove(0)),
        });
        let expressions = expressions.collect::<Result<Vec<_>, Fault>>().cross()?;
        table.select_exprs(&expressions).cross()
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
        table.rename(from, to).cross()
    }

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

    /// The table with one more column, or with the one of this name replaced.
    ///
    /// Its values are an expression, an array, or one value for all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ ms: [2.0, 4.0] }).with_column("speedup", 8 / col("ms"))["speedup"] //> [4.0, 2.0]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn with_column(table: &mut Table, name: &str, values: Dynamic) -> Answer<Table> {
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

    /// The rows in rising order of a column, or of several, the first deciding first. Equal rows keep their order.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [3, 1, 2] }).sort("a")["a"] //> [1, 2, 3]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn sort(table: &mut Table, by: Dynamic) -> Answer<Table> {
        with_names("sort", &by, |names| table.sort(names, false))
    }

    /// The rows in order of a column, or of several. Option `descending` (false). Missing values come last.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [3, 1, 2] }).sort("a", #{ descending: true })["a"] //> [3, 2, 1]
    /// ```
    #[rhai_fn(name = "sort", return_raw, pure)]
    pub fn sort_with(table: &mut Table, by: Dynamic, options: Map) -> Answer<Table> {
        let options = Options::new("sort", options, &["descending"]).cross()?;
        let descending = options.flag("descending").cross()?.unwrap_or(false);
        with_names("sort", &by, |names| table.sort(names, descending))
    }

    /// Groups rows with equal values in these columns: one name, or an array of names.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ op: ["a", "b", "a"], ms: [1.0, 5.0, 3.0] });
    /// t.group_by("op").agg(#{ mean_ms: col("ms").mean() })["mean_ms"] //> [2.0, 5.0]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn group_by(table: &mut Table, keys: Dynamic) -> Answer<GroupBy> {
        with_names("group_by", &keys, |names| table.group_by(names))
    }

    /// One row a group: the keys, then each expression: an array of them, or a map from new names. Groups keep the order of their first rows.
    ///
    /// Expressions must be made of aggregates (`mean`, `median`, `min`, `max`, `std`, `sum`, `count`, `first`, `quantile`).
    /// Fails with `frame::not_aggregate`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ op: ["a", "b", "a"], ms: [1.0, 5.0, 3.0] });
    /// t.group_by("op").agg([col("ms").max() - col("ms").min()])["ms"] //> [2.0, 0.0]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn agg(groups: &mut GroupBy, expressions: Dynamic) -> Answer<Table> {
        let expressions = expressions_of("agg", &expressions).cross()?;
        groups.agg(&expressions).cross()
    }

    /// One row a group: the keys, and how many rows it has, as `count`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["a", "b", "a"] }).group_by("op").count()["count"] //> [2, 1]
    /// ```
    #[rhai_fn(name = "count", return_raw, pure)]
    pub fn group_count(groups: &mut GroupBy) -> Answer<Table> {
        groups.count().cross()
    }

    /// The rows of both tables with equal values in the columns `on`, side by side.
    ///
    /// A column that both have besides comes from the other as `NAME_right`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let times = table(#{ op: ["a", "b"], ms: [1.0, 2.0] });
    /// let costs = table(#{ op: ["b", "c"], mflops: [7.0, 9.0] });
    /// times.join(costs, "op").row(0).mflops //> 7.0
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn join(table: &mut Table, other: Table, on: Dynamic) -> Answer<Table> {
        with_names("join", &on, |names| table.join(&other, names, JoinKind::Inner))
    }

    /// The rows of both tables with equal values in the columns `on`, side by side.
    ///
    /// Option `how` ("inner"): "left" keeps all rows of the first table, "full" all rows of both; what is lacking is missing, `()`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let times = table(#{ op: ["a", "b"], ms: [1.0, 2.0] });
    /// let costs = table(#{ op: ["b", "c"], mflops: [7.0, 9.0] });
    /// times.join(costs, "op", #{ how: "full" }).height //> 3
    /// ```
    #[rhai_fn(name = "join", return_raw, pure)]
    pub fn join_with(table: &mut Table, other: Table, on: Dynamic, options: Map) -> Answer<Table> {
        let options = Options::new("join", options, &["how"]).cross()?;
        let how = options.text("how").cross()?.map_or(Ok(JoinKind::Inner), |name| JoinKind::parse(&name)).cross()?;
        with_names("join", &on, |names| table.join(&other, names, how))
    }

    /// The rows of all tables of an array under each other; their columns must be the same, in any order.
    ///
    /// # Example
    ///
    /// ```rhai
    /// concat([table(#{ a: [1] }), table(#{ a: [2, 3] })]).height //> 3
    /// ```
    #[rhai_fn(return_raw)]
    pub fn concat(tables: Array) -> Answer<Table> {
        let tables = tables.iter().map(|table| values::noun::<Table>("concat", "an array of tables", table));
        Table::concat(&tables.collect::<Result<Vec<_>, Fault>>().cross()?).cross()
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
        Ok(table.head(rows("head", count)?))
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
        Ok(table.tail(rows("tail", count)?))
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

    /// Count, mean, standard deviation, quartiles, smallest and largest value of each column of numbers.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1.0, 2.0, 6.0] }).describe().row(1).a //> 3.0
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn describe(table: &mut Table) -> Answer<Table> {
        table.describe().cross()
    }

    /// The table as text, `width` characters wide. Long tables are folded, wide ones lose columns, and both is said.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1] }).to_text(80).contains("a") //> true
    /// ```
    #[rhai_fn(pure)]
    pub fn to_text(table: &mut Table, width: i64) -> String {
        table.to_text(usize::try_from(width).unwrap_or_default())
    }

    /// The table as text of at most so many characters a line and so many rows.
    #[rhai_fn(name = "to_text", pure)]
    pub fn to_text_of(table: &mut Table, width: i64, rows: i64) -> String {
        table.to_text_of(width.max(20) as usize, rows.max(1) as usize)
    }

    /// The table as text for a terminal of 100 characters.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_plain_text(table: &mut Table) -> String {
        table.to_text(PLACES)
    }

    /// The table as HTML, for notebooks.
    #[rhai_fn(pure)]
    pub fn to_html(table: &mut Table) -> String {
        table.to_html()
    }

    /// The groups in words.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn groups_to_text(groups: &mut GroupBy) -> String {
        format!("groups by {}", groups.keys().join(", "))
    }
}

/// Declares tables.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Table>("Table");
    engine.noun::<GroupBy>("GroupBy");
    engine.register_global_module(exported_module!(tables).into());
}
