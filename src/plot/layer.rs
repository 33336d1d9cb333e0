//! Rows of a table as series of a figure: groups by colour, panels, names along axes.

use super::axis::check_log;
use super::groups::{COLOURS, Groups, NAMES, PANELS, few};
use super::panels::usual_size;
use super::placed::fits;
use super::{Axis, Figure, Kind, PlotFault, Point, Scale, Series, bins, ramp};
use crate::base::Result;

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; NaN for a missing one.
    Numbers(Vec<f64>),
    /// Texts; empty for a missing one.
    Names(Vec<String>),
}

/// A column of a table, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Its name.
    pub column: String,
    /// One value for each row.
    pub values: Values,
}

/// What a call adds to a figure: columns of a table, and how their rows are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// How the rows are drawn. [`Kind::Band`] comes with a line; [`Kind::Histogram`] counts the values of `x`.
    pub kind: Kind,
    /// The name in the legend.
    pub name: Option<String>,
    /// Horizontal values.
    pub x: Given,
    /// Vertical values; a histogram needs none.
    pub y: Option<Given>,
    /// Lower and upper ends of intervals.
    pub range: Option<(Vec<f64>, Vec<f64>)>,
    /// The values of cells.
    pub value: Option<Given>,
    /// A series for each value of this column; a shade for each number if there are many.
    pub colour: Option<Given>,
    /// A panel for each value of this column.
    pub facet_by: Option<Given>,
    /// Texts beside the points.
    pub labels: Option<Vec<String>>,
    /// How many boxes a histogram has; by default what suits the values.
    pub bins: Option<usize>,
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Numbers(numbers) => numbers.len(),
            Values::Names(names) => names.len(),
        }
    }
}

impl Layer {
    /// Rows with these columns, in one colour and one panel.
    pub fn new(kind: Kind, x: Given, y: Option<Given>) -> Self {
        Self { kind, name: None, x, y, range: None, value: None, colour: None, facet_by: None, labels: None, bins: None }
    }
}

impl Figure {
    /// Adds the rows of a table. If they cannot be drawn, the figure stays as it was.
    ///
    /// # Errors
    /// `plot::empty` without rows or without a finite value, `plot::not_numbers` for a column of texts where numbers
    /// are needed, `plot::log` for values of zero or less on a logarithmic axis, `plot::axis` for names on an axis of
    /// numbers, `plot::too_many` for more groups, panels or names than can be told apart, `plot::facets` for panels by
    /// a second column, `plot::cell_twice` for two values of one cell.
    pub fn add(&mut self, layer: &Layer) -> Result<()> {
        let mut next = self.clone();
        next.take(layer)?;
        check_log(&next)?;
        let usual = usual_size(self);
        if self.size == usual {
            next.size = usual_size(&next);
        }
        *self = next;
        Ok(())
    }

    fn take(&mut self, layer: &Layer) -> Result<()> {
        let rows = layer.x.values.len();
        if rows == 0 {
            return Err(PlotFault::Empty { why: "the table has no rows".into() }.into());
        }
        let named = matches!(layer.kind, Kind::Bars | Kind::Heat);
        let has = (!self.series.is_empty(), layer.kind);
        let xs = along(&mut self.x, &layer.x, named, has)?;
        let ys = match (&layer.y, layer.kind) {
            (Some(y), Kind::Heat) => along(&mut self.y, y, true, has)?,
            (Some(y), _) => numbers(y, "the height of marks")?.to_vec(),
            (None, _) => vec![0.0; rows],
        };
        let facets = self.panels(layer, rows)?;
        let (groups, values) = self.colours(layer, rows)?;
        let own: Vec<Point> = (0..rows)
            .map(|row| Point {
                x: xs[row],
                y: ys[row],
                range: layer.range.as_ref().map(|(low, high)| (low[row], high[row])),
                value: values.as_ref().map(|values| values[row]),
                label: layer.labels.as_ref().map(|labels| labels[row].clone()).filter(|label| !label.is_empty()),
            })
            .collect();
        if !own.iter().any(fits) {
            let columns: Vec<String> = [Some(&layer.x), layer.y.as_ref(), layer.value.as_ref()]
                .into_iter()
                .flatten()
                .map(|given| format!("`{}`", given.column))
                .collect();
            return Err(PlotFault::Empty { why: format!("no row has finite values of {}", columns.join(" and ")) }.into());
        }
        if layer.kind == Kind::Heat {
            self.one_a_cell(&own, facets.as_ref())?;
        }
        note(&mut self.x, &layer.x.column);
        if let Some(y) = &layer.y {
            note(&mut self.y, &y.column);
        } else {
            note(&mut self.y, "count");
        }
        let edges = self.edges(layer, &own)?;
        let panels = facets.as_ref().map_or(1, |facets| facets.names.len());
        for panel in 0..panels {
            for (group, name) in groups.names.iter().enumerate() {
                let here = |row: &usize| facets.as_ref().is_none_or(|facets| facets.of_row[*row] == panel);
                let points: Vec<Point> =
                    (0..rows).filter(|row| groups.of_row[*row] == group && here(row)).map(|row| own[row].clone()).collect();
                if !points.is_empty() {
                    self.push(layer.kind, name, facets.as_ref().map(|_| panel), points, &edges);
                }
            }
        }
        Ok(())
    }

    /// The panel of each row, for a figure that has panels.
    fn panels(&mut self, layer: &Layer, rows: usize) -> Result<Option<Groups>> {
        let Some(given) = &layer.facet_by else { return Ok(None) };
        let known = &self.facets;
        if !known.names.is_empty() && known.column != given.column {
            return Err(PlotFault::Facets { first: known.column.clone(), second: given.column.clone() }.into());
        }
        // A number alone says nothing in a heading.
        let given = match &given.values {
            Values::Names(_) => given.clone(),
            Values::Numbers(_) => {
                let plain = Groups::of(given, &[], &PANELS)?;
                let heading = |row: usize| format!("{} {}", given.column.replace('_', " "), plain.names[plain.of_row[row]]);
                Given { column: given.column.clone(), values: Values::Names((0..rows).map(heading).collect()) }
            }
        };
        let groups = Groups::of(&given, &known.names, &PANELS)?;
        self.facets.column = given.column;
        self.facets.names.clone_from(&groups.names);
        Ok(Some(groups))
    }

    /// The series of each row, and the values that are shown as shades.
    fn colours(&mut self, layer: &Layer, rows: usize) -> Result<(Groups, Option<Vec<f64>>)> {
        let one = || {
            let own = if layer.kind == Kind::Heat { "" } else { layer.y.as_ref().map_or(&*layer.x.column, |y| &*y.column) };
            Groups::one(layer.name.clone().unwrap_or_else(|| own.into()), rows)
        };
        if let Some(value) = &layer.value {
            note(&mut self.shade, &value.column);
            return Ok((one(), Some(numbers(value, "the colour of a cell")?.to_vec())));
        }
        match &layer.colour {
            None => Ok((one(), None)),
            Some(Given { column, values: Values::Numbers(shades) }) if layer.kind == Kind::Points && !few(shades) => {
                note(&mut self.shade, column);
                Ok((one(), Some(shades.clone())))
            }
            Some(given) => {
                let mut groups = Groups::of(given, &[], &COLOURS)?;
                for name in &mut groups.names {
                    if let Some(layer) = &layer.name {
                        *name = format!("{layer} {name}");
                    }
                }
                Ok((groups, None))
            }
        }
    }

    fn one_a_cell(&self, points: &[Point], facets: Option<&Groups>) -> Result<()> {
        let mut cells: Vec<(usize, usize, usize)> = points
            .iter()
            .enumerate()
            .map(|(row, point)| (facets.map_or(0, |facets| facets.of_row[row]), point.x as usize, point.y as usize))
            .collect();
        cells.sort_unstable();
        let Some(twice) = cells.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
        let name = |axis: &Axis, at: usize| match &axis.scale {
            Scale::Names(names) => names.get(at).cloned().unwrap_or_default(),
            Scale::Linear | Scale::Log => at.to_string(),
        };
        Err(PlotFault::CellTwice { x: name(&self.x, twice[0].1), y: name(&self.y, twice[0].2) }.into())
    }

    /// The edges of a histogram's boxes, the same for all its groups and panels.
    fn edges(&self, layer: &Layer, points: &[Point]) -> Result<Vec<f64>> {
        if layer.kind != Kind::Histogram {
            return Ok(Vec::new());
        }
        let log = self.x.scale == Scale::Log;
        let values: Vec<f64> = points.iter().map(|point| point.x).filter(|x| x.is_finite()).collect();
        let wrong: Vec<f64> = values.iter().copied().filter(|x| log && *x <= 0.0).collect();
        if let Some(&value) = wrong.first() {
            let series = layer.name.clone().unwrap_or_else(|| layer.x.column.clone());
            let (count, total) = (wrong.len(), values.len());
            return Err(PlotFault::Log { series, axis: self.x.shown(), value, count, total }.into());
        }
        Ok(bins::edges(&values, layer.bins, log))
    }

    /// Adds one series in the colour of its name.
    fn push(&mut self, kind: Kind, name: &str, facet: Option<usize>, mut points: Vec<Point>, edges: &[f64]) {
        let known = (0..self.series.len()).find(|&index| self.series[index].name == name);
        let next = (0..self.series.len()).map(|index| ramp::place(self, index) + 1).max().unwrap_or(0);
        let colour = Some(known.map_or(next, |index| ramp::place(self, index)));
        let mut add = |kind, points| self.series.push(Series { name: name.into(), kind, points, colour, facet });
        match kind {
            Kind::Band => {
                points.sort_by(|a, b| a.x.total_cmp(&b.x));
                let line = points.iter().map(|point| Point { range: None, ..point.clone() }).collect();
                add(Kind::Band, points);
                add(Kind::Line, line);
            }
            Kind::Histogram => {
                let finite = points.iter().map(|point| point.x).filter(|x| x.is_finite());
                let boxes = edges.windows(2).zip(bins::counts(finite, edges));
                let mut boxes: Vec<Point> = boxes
                    .map(|(edge, count)| Point::new(f64::midpoint(edge[0], edge[1]), count as f64).valued(edge[1] - edge[0]))
                    .collect();
                // What has no box stays, so that a note tells of it.
                boxes.extend(points.into_iter().filter(|point| !point.x.is_finite()).map(|point| Point { y: 1.0, ..point }));
                add(Kind::Histogram, boxes);
            }
            _ => add(kind, points),
        }
    }
}

/// The places of a column along an axis, which becomes one of names for texts, and for numbers if `named`.
fn along(axis: &mut Axis, given: &Given, named: bool, (filled, kind): (bool, Kind)) -> Result<Vec<f64>> {
    let shown = if axis.shown().is_empty() { given.column.clone() } else { axis.shown() };
    let fault = |why, help| Err(PlotFault::Axis { column: given.column.clone(), axis: shown, why, help }.into());
    let names = named || matches!(given.values, Values::Names(_));
    match (&axis.scale, &given.values) {
        (Scale::Names(_), _) => {}
        (_, Values::Names(_)) if kind == Kind::Histogram => return numbers(given, "a histogram").map(<[f64]>::to_vec),
        (Scale::Log, _) if names => return fault("names have no place on a logarithmic axis", "leave `log_x` or `log_y` out"),
        (Scale::Linear, _) if names && filled => {
            return fault("the axis shows numbers already", "add what needs names first, or draw it in a figure of its own");
        }
        (Scale::Linear | Scale::Log, Values::Numbers(numbers)) if !names => return Ok(numbers.clone()),
        _ => axis.scale = Scale::Names(Vec::new()),
    }
    if kind == Kind::Histogram {
        return fault("a histogram needs an axis of numbers", "draw it in a figure of its own");
    }
    let Scale::Names(known) = &mut axis.scale else { return Ok(Vec::new()) };
    let groups = Groups::of(given, known, &NAMES)?;
    known.clone_from(&groups.names);
    Ok(groups.of_row.into_iter().map(|place| place as f64).collect())
}

fn numbers<'a>(given: &'a Given, what: &str) -> Result<&'a [f64]> {
    match &given.values {
        Values::Numbers(numbers) => Ok(numbers),
        Values::Names(_) => {
            let hint = "texts can stand along the x axis, and in `colour` and `facet_by`";
            Err(PlotFault::NotNumbers { column: given.column.clone(), what: what.into(), hint }.into())
        }
    }
}

/// Remembers a column for the label of an axis.
fn note(axis: &mut Axis, column: &str) {
    if !axis.columns.iter().any(|known| known == column) {
        axis.columns.push(column.into());
    }
}
