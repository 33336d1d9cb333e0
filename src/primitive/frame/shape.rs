//! What a script can say to give a table another shape: groups, joins, pivots, tables under each other.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::base::{Fault, Result};
use crate::frame::{Aggregate, GroupBy, JoinKind, Table};
use crate::primitive::cells::{expressions as expressions_of, names, with_names};
use crate::primitive::cross::{Answer, Cross};
use crate::primitive::options::Options;
use crate::primitive::values::noun;

#[export_module]
mod shape_verbs {
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
    /// Expressions must be made of aggregates (`mean`, `median`, `min`, `max`, `std`, `sum`, `count`, `first`, `last`, `quantile`).
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

    /// The groups in words.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn groups_to_text(groups: &mut GroupBy) -> String {
        format!("groups by {}", groups.keys().join(", "))
    }

    /// The rows of both tables with equal values in the columns `on`, side by side.
    ///
    /// A column that both have besides comes from the other as `NAME_right`; if that is taken, `frame::column_twice`.
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
        with_names("join", &on, |names| table.join(&other, names, JoinKind::Inner, SUFFIX))
    }

    /// The rows of two tables with equal values in the columns `on`, side by side. A missing key equals nothing.
    ///
    /// Options: `how` ("inner"): "left" keeps all rows of the first table, "full" (or "outer") all rows of both, and what is
    /// lacking is missing; "semi" keeps the rows of the first table that the other has too, "anti" those that it lacks,
    /// without columns of the other. `suffix` ("_right"): what stands behind the name of a column that both have.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let times = table(#{ op: ["a", "b"], ms: [1.0, 2.0] });
    /// let costs = table(#{ op: ["b", "c"], ms: [7.0, 9.0] });
    /// times.join(costs, "op", #{ how: "full" }).height //> 3
    /// times.join(costs, "op", #{ how: "anti" })["op"] //> ["a"]
    /// times.join(costs, "op", #{ suffix: "_b" }).columns //> ["ms", "op", "ms_b"]
    /// ```
    #[rhai_fn(name = "join", return_raw, pure)]
    pub fn join_with(table: &mut Table, other: Table, on: Dynamic, options: Map) -> Answer<Table> {
        let options = Options::new("join", options, &["how", "suffix"]).cross()?;
        let how = options.text("how").cross()?.map_or(Ok(JoinKind::Inner), |name| JoinKind::parse(&name)).cross()?;
        let suffix = options.text("suffix").cross()?.unwrap_or_else(|| SUFFIX.into());
        with_names("join", &on, |names| table.join(&other, names, how, &suffix))
    }

    /// The rows of all tables of an array under each other; their columns must be the same, in any order.
    ///
    /// # Example
    ///
    /// ```rhai
    /// concat([table(#{ a: [1] }), table(#{ a: [2, 3] })]).height //> 3
    /// concat([table(#{ a: [1] }), table(#{ b: [2] })]) //> fails frame::columns_differ
    /// ```
    #[rhai_fn(return_raw)]
    pub fn concat(tables: Array) -> Answer<Table> {
        let tables = tables.iter().map(|table| noun::<Table>("concat", "an array of tables", table));
        Table::concat(&tables.collect::<Result<Vec<_>>>().cross()?).cross()
    }

    /// A wide table: a column for each value of one column, a row for each value of others.
    ///
    /// Options: `columns` (must be given): the column whose values become columns; `value` (must be given): the column whose
    /// values fill them; `rows` (all others): a name or an array; `aggregate` (none): what becomes of several
    /// values in one field ("mean", "median", "min", "max", "sum", "std", "count", "first", "last").
    ///
    /// A field without rows is missing. Several values without an aggregate fail with `frame::many`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table([
    ///     #{ op: "conv", device: "cpu", ms: 4.0 }, #{ op: "conv", device: "npu", ms: 1.0 },
    ///     #{ op: "pool", device: "cpu", ms: 2.0 }, #{ op: "pool", device: "cpu", ms: 3.0 },
    /// ]);
    /// let wide = t.pivot(#{ rows: "op", columns: "device", value: "ms", aggregate: "mean" });
    /// wide.columns //> ["op", "cpu", "npu"]
    /// wide.row(1) //> #{"cpu": 2.5, "npu": (), "op": "pool"}
    /// t.pivot(#{ columns: "device", value: "ms" }) //> fails frame::many
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn pivot(table: &mut Table, given: Map) -> Answer<Table> {
        pivoted(table, given).cross()
    }

    /// A long table: a row for each value of these columns, with its column's name.
    ///
    /// The opposite of `pivot`. The other columns are repeated. Columns made: `variable` and `value`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ op: ["conv", "pool"], cpu: [4.0, 2.0], npu: [1.0, 0.5] });
    /// t.unpivot(["cpu", "npu"])["variable"] //> ["cpu", "cpu", "npu", "npu"]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn unpivot(table: &mut Table, columns: Dynamic) -> Answer<Table> {
        with_names("unpivot", &columns, |names| table.unpivot(names, "variable", "value"))
    }

    /// A long table: a row for each value of these columns, with its column's name.
    ///
    /// Options: `name` ("variable"): the column for the names; `value` ("value"): the column for the values.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ op: ["conv", "pool"], cpu: [4.0, 2.0], npu: [1.0, 0.5] });
    /// t.unpivot(["cpu", "npu"], #{ name: "device", value: "ms" }).row(2) //> #{"device": "npu", "ms": 1.0, "op": "conv"}
    /// ```
    #[rhai_fn(name = "unpivot", return_raw, pure)]
    pub fn unpivot_with(table: &mut Table, columns: Dynamic, given: Map) -> Answer<Table> {
        let options = Options::new("unpivot", given, &["name", "value"]).cross()?;
        let name = options.text("name").cross()?.unwrap_or_else(|| "variable".into());
        let value = options.text("value").cross()?.unwrap_or_else(|| "value".into());
        with_names("unpivot", &columns, |names| table.unpivot(names, &name, &value))
    }
}

/// What stands behind the name of a column that both tables of a join have.
const SUFFIX: &str = "_right";

fn pivoted(table: &Table, given: Map) -> Result<Table> {
    let options = Options::new("pivot", given, &["rows", "columns", "value", "aggregate"])?;
    let needed = |key: &str| -> Result<String> {
        let missing = || {
            let message = format!("pivot needs the option `{key}`");
            Fault::new("options::missing", message, "write for example `#{ rows: \"op\", columns: \"device\", value: \"ms\" }`")
        };
        options.text(key)?.ok_or_else(missing)
    };
    let (columns, value) = (needed("columns")?, needed("value")?);
    let rows = match options.value("rows") {
        Some(given) => names("pivot", given)?,
        None => table.columns().into_iter().filter(|name| *name != columns && *name != value).collect(),
    };
    let aggregate = options.text("aggregate")?.map(|name| Aggregate::parse(&name)).transpose()?;
    table.pivot(&rows.iter().map(String::as_str).collect::<Vec<_>>(), &columns, &value, aggregate)
}

/// Declares verbs that change a table's shape.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(shape_verbs).into());
}
