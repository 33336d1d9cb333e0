//! Search spaces: one operator and one width window for each searched stage of a hyperspace.

use std::sync::Arc;

use rand::RngExt;

use super::place::Site;
use super::{Hyperspace, Operator, PlacedBlock, Role, SpaceFault};
use crate::base::{Result, Rng};

/// A search space, written `012-210`: the operators of the searched stages, then their windows.
#[derive(Debug, Clone)]
pub struct SearchSpace {
    /// What it was chosen from.
    pub hyperspace: Arc<Hyperspace>,
    /// Index of the operator of each searched stage.
    pub operators: Vec<usize>,
    /// Index of the window of each searched stage.
    pub windows: Vec<usize>,
}

impl PartialEq for SearchSpace {
    fn eq(&self, other: &Self) -> bool {
        self.hyperspace.name == other.hyperspace.name && self.operators == other.operators && self.windows == other.windows
    }
}

impl SearchSpace {
    /// The space with these choices, one of each for every searched stage. Fails with `space::choice`.
    pub fn new(hyperspace: &Arc<Hyperspace>, operators: Vec<usize>, windows: Vec<usize>) -> Result<Self> {
        let searched = hyperspace.searched();
        let bad = |wrong: String, help: String| SpaceFault::SpaceChoice { hyperspace: hyperspace.name.clone(), wrong, help };
        if operators.len() != searched.len() || windows.len() != searched.len() {
            let wrong = format!("{} operators and {} windows for {} stages", operators.len(), windows.len(), searched.len());
            return Err(bad(wrong, "give one operator and one window for each searched stage".into()).into());
        }
        for ((&stage, &operator), &window) in searched.iter().zip(&operators).zip(&windows) {
            let candidates = hyperspace.candidates(stage).len();
            let stage = &hyperspace.stages[stage];
            if operator >= candidates {
                let help = format!("0 to {} are there", candidates - 1);
                return Err(bad(format!("stage `{}` has no operator {operator}", stage.name), help).into());
            }
            if window >= stage.windows() {
                let help = format!("0 to {} are there", stage.windows() - 1);
                return Err(bad(format!("stage `{}` has no window {window}", stage.name), help).into());
            }
        }
        Ok(Self { hyperspace: hyperspace.clone(), operators, windows })
    }

    /// The plain space that has `operator` in every searched stage. `windows` chooses the same index
    /// everywhere, or each stage's last if it has fewer; without it, the middle one of each.
    pub fn uniform(hyperspace: &Arc<Hyperspace>, operator: &str, window: Option<usize>) -> Result<Self> {
        let operators = hyperspace.searched().into_iter().map(|stage| hyperspace.operator_index(stage, operator));
        Self::new(hyperspace, operators.collect::<Result<_>>()?, plain_windows(hyperspace, window))
    }

    /// The plain space that has the candidate at `operator` in every searched stage, or a stage's last if it
    /// has fewer; windows as for [`SearchSpace::uniform`].
    pub fn uniform_at(hyperspace: &Arc<Hyperspace>, operator: usize, window: Option<usize>) -> Self {
        let searched = hyperspace.searched();
        let operators = searched.into_iter().map(|stage| operator.min(hyperspace.candidates(stage).len() - 1)).collect();
        Self { hyperspace: hyperspace.clone(), operators, windows: plain_windows(hyperspace, window) }
    }

    /// A space drawn uniformly.
    pub fn sample(hyperspace: &Arc<Hyperspace>, rng: &mut Rng) -> Self {
        let searched = hyperspace.searched();
        let operators = searched.iter().map(|&stage| rng.random_range(0..hyperspace.candidates(stage).len())).collect();
        let windows = searched.iter().map(|&stage| rng.random_range(0..hyperspace.stages[stage].windows())).collect();
        Self { hyperspace: hyperspace.clone(), operators, windows }
    }

    /// The same space with another operator in one stage, both drawn uniformly.
    #[must_use]
    pub fn mutate_operator(&self, rng: &mut Rng) -> Self {
        let searched = self.hyperspace.searched();
        let counts: Vec<_> = searched.iter().map(|&stage| self.hyperspace.candidates(stage).len()).collect();
        Self { operators: change_one(&self.operators, &counts, rng), ..self.clone() }
    }

    /// The same space with another window in one stage, both drawn uniformly.
    #[must_use]
    pub fn mutate_window(&self, rng: &mut Rng) -> Self {
        let searched = self.hyperspace.searched();
        let counts: Vec<_> = searched.iter().map(|&stage| self.hyperspace.stages[stage].windows()).collect();
        Self { windows: change_one(&self.windows, &counts, rng), ..self.clone() }
    }

    /// A space that has each operator and each window from either parent. Fails with `space::choice`
    /// when they are not of one hyperspace.
    pub fn crossover(&self, other: &Self, rng: &mut Rng) -> Result<Self> {
        if !Arc::ptr_eq(&self.hyperspace, &other.hyperspace) && self.hyperspace.key() != other.hyperspace.key() {
            let (hyperspace, help) = (self.hyperspace.name.clone(), "cross spaces of one hyperspace".into());
            let wrong = format!("the other parent, {other}, is of another hyperspace, `{}`", other.hyperspace.name);
            return Err(SpaceFault::SpaceChoice { hyperspace, wrong, help }.into());
        }
        let mut either = |left: &[usize], right: &[usize]| -> Vec<usize> {
            left.iter().zip(right).map(|(&a, &b)| if rng.random_bool(0.5) { a } else { b }).collect()
        };
        let operators = either(&self.operators, &other.operators);
        let windows = either(&self.windows, &other.windows);
        Self::new(&self.hyperspace, operators, windows)
    }

    /// Number of choices, operators and windows together, in which two spaces differ.
    pub fn distance(&self, other: &Self) -> usize {
        let differing = |a: &[usize], b: &[usize]| a.iter().zip(b).filter(|(x, y)| x != y).count();
        differing(&self.operators, &other.operators) + differing(&self.windows, &other.windows)
    }

    /// The operator of stage `stage`, an index into all stages of the hyperspace.
    pub fn operator(&self, stage: usize) -> &Operator {
        match &self.hyperspace.stages[stage].role {
            Role::Fixed(operator) => operator,
            Role::Searched | Role::SearchedAmong(_) => &self.hyperspace.candidates(stage)[self.operators[self.place(stage)]],
        }
    }

    /// The widths of stage `stage`, an index into all stages of the hyperspace.
    pub fn widths(&self, stage: usize) -> &[usize] {
        let home = &self.hyperspace.stages[stage];
        home.window_widths(home.is_searched().then(|| self.windows[self.place(stage)]))
    }

    /// How many searched stages come before `stage`.
    fn place(&self, stage: usize) -> usize {
        self.hyperspace.stages[..stage].iter().filter(|before| before.is_searched()).count()
    }

    /// The widths with which stage `stage` can be entered.
    pub fn input_widths(&self, stage: usize) -> Vec<usize> {
        match stage.checked_sub(1) {
            Some(before) => self.widths(before).to_vec(),
            None => vec![self.hyperspace.input_channels],
        }
    }

    /// Number of subnets, resolutions included.
    pub fn size(&self) -> f64 {
        let stages = self.hyperspace.stages.iter().enumerate();
        let per_stage = stages.map(|(index, stage)| {
            let block = (self.widths(index).len() * self.operator(index).size()) as f64;
            stage.depths.iter().map(|&depth| block.powi(depth as i32)).sum::<f64>()
        });
        per_stage.product::<f64>() * self.hyperspace.resolutions.len() as f64
    }

    pub(super) fn site(&self, stage: usize, resolution: usize) -> Site<'_> {
        let home = &self.hyperspace.stages[stage];
        Site {
            name: &home.name,
            index: stage,
            operator: self.operator(stage),
            stride: home.stride,
            hw: self.hyperspace.map_before(stage, resolution),
        }
    }

    /// Every block configuration that can occur at each place of its subnets, at the largest resolution:
    /// the weights of a supernet are the union of theirs. Fails with `space::too_many` above 200,000.
    pub fn elastic_parts(&self) -> Result<Vec<PlacedBlock>> {
        let resolution = self.hyperspace.resolutions.last().copied().unwrap_or(1);
        let mut parts = Vec::new();
        for (index, stage) in self.hyperspace.stages.iter().enumerate() {
            let site = self.site(index, resolution);
            site.elastic(&self.input_widths(index), self.widths(index), stage.deepest(), &mut parts)?;
        }
        Ok(parts)
    }
}

/// The same window index in every searched stage, or its last if it has fewer; without an index the middle one.
fn plain_windows(hyperspace: &Hyperspace, window: Option<usize>) -> Vec<usize> {
    let stages = hyperspace.stages.iter().filter(|stage| stage.is_searched());
    stages.map(|stage| window.unwrap_or(stage.windows() / 2).min(stage.windows() - 1)).collect()
}

/// `genes` with one of them changed: which one, among those that can change, and to what, drawn uniformly.
fn change_one(genes: &[usize], counts: &[usize], rng: &mut Rng) -> Vec<usize> {
    let mut genes = genes.to_vec();
    let open: Vec<_> = (0..genes.len()).filter(|&at| counts[at] > 1).collect();
    if !open.is_empty() {
        let at = open[rng.random_range(0..open.len())];
        let other = rng.random_range(0..counts[at] - 1);
        genes[at] = if other < genes[at] { other } else { other + 1 };
    }
    genes
}
