//! Tables and points seen by several objectives at once: what nothing beats, how much that covers, where it bends.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cells::map_of;
use super::cross::{Answer, Cross};
use super::options::{Options, number};
use super::values::words;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::search;

#[export_module]
mod objective_functions {
    /// The rows of a table that no other beats in all objectives, in their order: its Pareto front.
    ///
    /// A row beats another if it is nowhere worse and somewhere better; of equal rows the first stays. Rows in which an objective is missing or NaN are left out.
    ///
    /// Options: `maximize` and `minimize` (one is needed): a column of numbers, or an array of them. A study has them in `history`: `score`, and whatever its objective gave beside.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let nets = table(#{ int8_ms: [1, 2, 3, 2], top1_pct: [60, 70, 65, 66], peak_kb: [90, 80, 10, 80] });
    /// nets.pareto(#{ maximize: "top1_pct", minimize: "int8_ms" })["int8_ms"]                //> [1, 2]
    /// nets.pareto(#{ maximize: "top1_pct", minimize: ["int8_ms", "peak_kb"] })["int8_ms"] //> [1, 2, 3]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pareto(table: Table, options: Map) -> Answer<Table> {
        Costs::new("pareto", &table, options, &[]).and_then(|costs| front(&table, &costs)).cross()
    }

    /// The front that each point stands on: 0 for those that no other beats, 1 for the next, and so on.
    ///
    /// Points are arrays of numbers, all of one length, in which larger is better. A point beats another if it is nowhere worse and somewhere better; equal points share a front, and a NaN is worse than any number. This is the non-dominated sorting of Deb et al. (2002), on which `nsga2` rests. Fails with `objectives::points`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// pareto_ranks([[1, 5], [5, 1], [1, 1], [0, 0], [5, 1]]) //> [0, 0, 1, 2, 0]
    /// pareto_ranks([[3], [1], [2]])                          //> [0, 2, 1]
    /// pareto_ranks([[1, 5], [5]])                            //> fails objectives::points
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pareto_ranks(points: Array) -> Answer<Array> {
        let costs = points.iter().map(negated).collect::<Option<Vec<_>>>();
        let costs = costs.filter(|costs| costs.windows(2).all(|pair| pair[0].len() == pair[1].len()));
        let wrong = || {
            Fault::new("objectives::points", "points are arrays of numbers, all of one length", "for example `[[1, 5], [5, 1]]`")
        };
        let ranks = search::pareto_ranks(&costs.ok_or_else(wrong).cross()?);
        Ok(ranks.into_iter().map(|rank| (rank as i64).into()).collect())
    }

    /// The volume between the rows of a table and a worse point, by several objectives: larger is better.
    ///
    /// One figure for a whole front, by which searches with several objectives are compared: give all of them the same `reference`. Rows that are not better than it in every objective add nothing.
    /// After Zitzler and Thiele (1999).
    ///
    /// Options: `maximize`, `minimize`: as for `pareto`; `reference` (needed): a map with a number for each of these columns, worse than every row that should count.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let nets = table(#{ int8_ms: [1, 2], top1_pct: [60, 70] });
    /// nets.hypervolume(#{ maximize: "top1_pct", minimize: "int8_ms", reference: #{ int8_ms: 4, top1_pct: 50 } }) //> 50.0
    /// nets.hypervolume(#{ minimize: "int8_ms", reference: #{ top1_pct: 50 } }) //> fails options::value
    /// ```
    #[rhai_fn(return_raw)]
    pub fn hypervolume(table: Table, options: Map) -> Answer<f64> {
        covered(&table, options).cross()
    }

    /// The row at which the Pareto front of a table bends most, as a map: the choice where none is told.
    ///
    /// It is the one farthest from the plane through the ends of the front, each objective counted in parts of its range there (Das 1999). Fails with `objectives::empty` if no row has all objectives.
    ///
    /// Options: `maximize`, `minimize`: as for `pareto`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let nets = table(#{ int8_ms: [1.0, 1.2, 4.0], top1_pct: [60, 69, 70] });
    /// nets.knee(#{ maximize: "top1_pct", minimize: "int8_ms" }).top1_pct //> 69
    /// ```
    #[rhai_fn(return_raw)]
    pub fn knee(table: Table, options: Map) -> Answer<Map> {
        bend(&table, options).cross()
    }
}

/// A point in which larger is better as costs; `None` if it is none.
fn negated(point: &Dynamic) -> Option<Vec<f64>> {
    point.as_array_ref().ok()?.iter().map(|merit| number(merit).map(|merit| -merit)).collect()
}

/// The objectives of a call, and the costs of every row by them.
struct Costs {
    options: Options,
    /// Each column, and the sign that makes it a cost.
    columns: Vec<(String, f64)>,
    rows: Vec<Vec<f64>>,
}

impl Costs {
    fn new(call: &'static str, table: &Table, given: Map, more: &[&str]) -> Result<Self> {
        let options = Options::new(call, given, &[&["maximize", "minimize"], more].concat())?;
        let mut columns = Vec::new();
        for (key, sign) in [("maximize", -1.0), ("minimize", 1.0)] {
            for name in names(&options, key)? {
                if columns.iter().any(|(known, _)| *known == name) {
                    return Err(options.refuse(key, &format!("`{name}` is named twice"), "name each column once"));
                }
                columns.push((name, sign));
            }
        }
        if columns.is_empty() {
            let message = format!("{call} needs `maximize` or `minimize`");
            return Err(Fault::new(
                "options::missing",
                message,
                "name columns: `#{ maximize: \"top1_pct\", minimize: \"int8_ms\" }`",
            ));
        }
        let values = columns.iter().map(|(name, _)| table.column_f64(name)).collect::<Result<Vec<_>>>()?;
        let row = |row: usize| values.iter().zip(&columns).map(|(values, (_, sign))| sign * values[row]).collect();
        let rows = (0..table.height()).map(row).collect();
        Ok(Self { options, columns, rows })
    }
}

/// A text or an array of texts.
fn names(options: &Options, key: &str) -> Result<Vec<String>> {
    match options.value(key) {
        Some(value) if value.is_array() => {
            let text = |item: Dynamic| {
                let found = words(&item);
                item.into_string().map_err(|_| options.refuse(key, &format!("it holds {found}"), "give names of columns"))
            };
            options.array(key)?.unwrap_or_default().into_iter().map(text).collect()
        }
        _ => Ok(options.text(key)?.into_iter().collect()),
    }
}

fn front(table: &Table, costs: &Costs) -> Result<Table> {
    let mut flags = vec![false; table.height()];
    search::pareto_front(&costs.rows).into_iter().for_each(|row| flags[row] = true);
    table.keep(&flags)
}

fn covered(table: &Table, given: Map) -> Result<f64> {
    let costs = Costs::new("hypervolume", table, given, &["reference"])?;
    let options = &costs.options;
    let reference: Map = options.need("reference", "a map with a number for each objective, worse than all that should count")?;
    let form = "give a number for each objective: `reference: #{ int8_ms: 20, top1_pct: 0 }`";
    if let Some(other) = reference.keys().find(|key| costs.columns.iter().all(|(name, _)| *name != key.as_str())) {
        return Err(options.refuse("reference", &format!("`{other}` is no objective of this call"), form));
    }
    let worst = costs.columns.iter().map(|(name, sign)| {
        let value = reference.get(name.as_str()).and_then(number).filter(|value| !value.is_nan());
        value
            .map(|value| sign * value)
            .ok_or_else(|| options.refuse("reference", &format!("it has no number for `{name}`"), form))
    });
    Ok(search::hypervolume(&costs.rows, &worst.collect::<Result<Vec<_>>>()?))
}

fn bend(table: &Table, given: Map) -> Result<Map> {
    let costs = Costs::new("knee", table, given, &[])?;
    let none = || Fault::new("objectives::empty", "no row of this table has a number for every objective", "look at its rows");
    let row = search::knee(&costs.rows).ok_or_else(none)?;
    Ok(map_of(table.row(row as i64)?))
}

/// Declares fronts of tables.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(objective_functions).into());
}
