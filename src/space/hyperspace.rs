//! Hyperspaces: for each stage the operators and width windows that a search space may choose.

use std::sync::Arc;

use super::operator::usable;
use super::{Operator, SpaceFault};
use crate::base::{Result, did_you_mean, hash_hex};

/// Operators and windows are written as one character each: `0`-`9`, then `a`-`z`.
pub const MOST_CHOICES: usize = 36;

/// Who decides what a stage is made of.
#[derive(Debug, Clone)]
pub enum Role {
    /// The search chooses window and operator, the latter among those of the hyperspace.
    Searched,
    /// The search chooses window and operator, the latter among these.
    SearchedAmong(Vec<Operator>),
    /// Always this operator, with all widths: stem and head.
    Fixed(Operator),
}

/// An elastic stage: blocks in a row, with the widths and depths they may have.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Name, unique in its hyperspace; begins the names of its layers.
    pub name: String,
    /// Searched or fixed.
    pub role: Role,
    /// Widths in channels, ascending.
    pub widths: Vec<usize>,
    /// How many consecutive widths a search space may use.
    pub window: usize,
    /// Numbers of blocks, ascending.
    pub depths: Vec<usize>,
    /// Step of the first block; the others step by 1.
    pub stride: usize,
}

impl Stage {
    /// A stage; without a window size it is all widths (one window). Fails with `space::stage` where
    /// numbers make no sense: not positive, not ascending, a window larger than the list.
    pub fn new(name: &str, role: Role, widths: &[i64], window: Option<i64>, depths: &[i64], stride: i64) -> Result<Self> {
        let bad = |wrong: String, help: &str| SpaceFault::Stage { name: name.into(), wrong, help: help.into() };
        if !usable(name) {
            let help = "use letters, digits and `_`, beginning with a letter";
            return Err(bad("the name is not usable".into(), help).into());
        }
        let ascending = |what: &str, given: &[i64]| -> Result<Vec<usize>> {
            if given.is_empty() {
                return Err(bad(format!("there are no {what}"), "give at least one").into());
            }
            if let Some(value) = given.iter().find(|value| **value < 1) {
                return Err(bad(format!("{what} hold {value}"), "each must be at least 1").into());
            }
            if let Some(pair) = given.windows(2).find(|pair| pair[0] >= pair[1]) {
                let wrong = format!("{what} must ascend, but {} is followed by {}", pair[0], pair[1]);
                return Err(bad(wrong, "write them from small to large, each once").into());
            }
            Ok(given.iter().map(|&value| value as usize).collect())
        };
        let (widths, depths) = (ascending("widths", widths)?, ascending("depths", depths)?);
        let window = window.unwrap_or(widths.len() as i64);
        if window < 1 || window as usize > widths.len() {
            let wrong = format!("a window of {window} does not fit a list of {} widths", widths.len());
            return Err(bad(wrong, &format!("use 1 to {}", widths.len())).into());
        }
        if stride < 1 {
            return Err(bad(format!("the stride is {stride}"), "it must be at least 1").into());
        }
        let window = window as usize;
        if matches!(role, Role::Fixed(_)) && window != widths.len() {
            let help = "leave `window` out: a fixed stage has all its widths";
            return Err(bad(format!("a fixed stage has a window of {window}"), help).into());
        }
        if widths.len() - window >= MOST_CHOICES {
            let wrong = format!("there are {} windows", widths.len() - window + 1);
            return Err(bad(wrong, "36 are the most: use a larger window or fewer widths").into());
        }
        Ok(Self { name: name.into(), role, widths, window, depths, stride: stride as usize })
    }

    /// Number of windows to choose from.
    pub fn windows(&self) -> usize {
        self.widths.len() - self.window + 1
    }

    /// The widths of window `index`; `None` is the full list, as blocks are trained with.
    pub fn window_widths(&self, index: Option<usize>) -> &[usize] {
        match index {
            Some(first) => &self.widths[first..first + self.window],
            None => &self.widths,
        }
    }

    /// Whether the search chooses its operator and window.
    pub fn is_searched(&self) -> bool {
        !matches!(self.role, Role::Fixed(_))
    }

    /// Most blocks it can have.
    pub fn deepest(&self) -> usize {
        self.depths.last().copied().unwrap_or(1)
    }

    /// Whether subnets can differ in it. Encodings leave out stages in which nothing can be chosen.
    pub(super) fn is_elastic(&self) -> bool {
        match &self.role {
            Role::Searched | Role::SearchedAmong(_) => true,
            Role::Fixed(operator) => self.widths.len() > 1 || self.depths.len() > 1 || operator.size() > 1,
        }
    }
}

/// The space of search spaces.
#[derive(Debug, Clone)]
pub struct Hyperspace {
    /// Name.
    pub name: String,
    /// Channels of the images.
    pub input_channels: usize,
    /// Classes to tell apart; the width of the last stage.
    pub classes: usize,
    /// Sides of square input images, in cells, ascending.
    pub resolutions: Vec<usize>,
    /// Stages, in order.
    pub stages: Vec<Stage>,
    /// Operators that searched stages choose from, those with a list of their own left out.
    pub operators: Vec<Operator>,
}

impl Hyperspace {
    /// Checks and makes a hyperspace. Fails with `space::hyperspace` and the rule that is broken.
    pub fn new(
        name: &str,
        input_channels: usize,
        classes: usize,
        resolutions: &[i64],
        stages: Vec<Stage>,
        operators: Vec<Operator>,
    ) -> Result<Arc<Self>> {
        let bad = |wrong: String, help: &str| SpaceFault::Hyperspace { name: name.into(), wrong, help: help.into() };
        if !usable(name) {
            return Err(bad("the name is not usable".into(), "use letters, digits and `_`, beginning with a letter").into());
        }
        if input_channels == 0 {
            return Err(bad("images have 0 channels".into(), "`input_channels` is 3 for colour images").into());
        }
        let rising = !resolutions.is_empty() && resolutions[0] >= 1 && resolutions.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising {
            let help = "write at least one, positive, from small to large, each once";
            return Err(bad(format!("resolutions are {resolutions:?}"), help).into());
        }
        for (place, stage) in stages.iter().enumerate() {
            if stages[..place].iter().any(|before| before.name == stage.name) {
                return Err(bad(format!("there are two stages `{}`", stage.name), "rename one").into());
            }
        }
        if !stages.iter().any(Stage::is_searched) {
            return Err(bad("no stage is searched".into(), "leave `operator` out of the stages that the search decides").into());
        }
        let head = stages.last().filter(|stage| !stage.is_searched() && stage.widths == [classes] && stage.depths == [1]);
        if head.is_none() {
            let wrong = format!("the last stage does not give {classes} classes");
            return Err(bad(wrong, "end with a fixed stage of one block whose only width is the number of classes").into());
        }
        for stage in &stages {
            let (own, of) = match &stage.role {
                Role::Fixed(_) => continue,
                Role::Searched => (&operators, String::new()),
                Role::SearchedAmong(own) => (own, format!(" for stage `{}`", stage.name)),
            };
            if own.is_empty() || own.len() > MOST_CHOICES {
                return Err(bad(format!("there are {} operators{of}", own.len()), "give 1 to 36 of them").into());
            }
            for (place, operator) in own.iter().enumerate() {
                if own[..place].iter().any(|before| before.name() == operator.name()) {
                    return Err(bad(format!("there are two operators `{}`{of}", operator.name()), "rename one").into());
                }
                if operator.is_pooled() {
                    let wrong = format!("operator `{}` pools its map away", operator.name());
                    return Err(bad(wrong, "such operators can stand in fixed stages only").into());
                }
            }
        }
        let resolutions = resolutions.iter().map(|&side| side as usize).collect();
        Ok(Arc::new(Self { name: name.into(), input_channels, classes, resolutions, stages, operators }))
    }

    /// The same hyperspace with one more operator, or with this one in place of its namesake.
    pub fn with_operator(&self, operator: Operator) -> Result<Arc<Self>> {
        let mut operators = self.operators.clone();
        match operators.iter_mut().find(|own| own.name() == operator.name()) {
            Some(own) => *own = operator,
            None => operators.push(operator),
        }
        let resolutions: Vec<_> = self.resolutions.iter().map(|&side| side as i64).collect();
        Self::new(&self.name, self.input_channels, self.classes, &resolutions, self.stages.clone(), operators)
    }

    /// Indices of the searched stages, in order.
    pub fn searched(&self) -> Vec<usize> {
        (0..self.stages.len()).filter(|&index| self.stages[index].is_searched()).collect()
    }

    /// Number of search spaces.
    pub fn size(&self) -> u128 {
        let choices = |stage: usize| (self.candidates(stage).len() * self.stages[stage].windows()) as u128;
        self.searched().into_iter().fold(1, |size: u128, stage| size.saturating_mul(choices(stage)))
    }

    /// The operators that stage `stage` (its index) can have, in the order in which encodings count them.
    pub fn candidates(&self, stage: usize) -> &[Operator] {
        match &self.stages[stage].role {
            Role::Fixed(own) => std::slice::from_ref(own),
            Role::Searched => &self.operators,
            Role::SearchedAmong(own) => own,
        }
    }

    /// The largest number of operators that a searched stage can choose from.
    pub fn most_candidates(&self) -> usize {
        self.searched().into_iter().map(|stage| self.candidates(stage).len()).max().unwrap_or(1)
    }

    /// Index among the candidates of stage `stage` of the operator `name`, or `space::unknown_operator`.
    pub fn operator_index(&self, stage: usize, name: &str) -> Result<usize> {
        let known = self.candidates(stage).iter().map(Operator::name);
        known.clone().position(|own| own == name).ok_or_else(|| {
            let (hyperspace, help) = (self.name.clone(), did_you_mean(name, known));
            SpaceFault::UnknownOperator { hyperspace, name: name.into(), help }.into()
        })
    }

    /// Index of the stage `name`, or `space::unknown_stage`.
    pub fn stage_index(&self, name: &str) -> Result<usize> {
        let known = self.stages.iter().map(|stage| stage.name.as_str());
        known.clone().position(|own| own == name).ok_or_else(|| {
            let (hyperspace, help) = (self.name.clone(), did_you_mean(name, known));
            SpaceFault::UnknownStage { hyperspace, name: name.into(), help }.into()
        })
    }

    /// Side of the map that enters stage `stage` (its index) for images of side `resolution`.
    pub fn map_before(&self, stage: usize, resolution: usize) -> usize {
        self.stages[..stage].iter().fold(resolution, |side, stage| match &stage.role {
            Role::Fixed(operator) if operator.is_pooled() => 1,
            _ => side.div_ceil(stage.stride),
        })
    }

    /// All widths that can enter stage `stage` (its index), whatever the windows.
    pub fn widths_before(&self, stage: usize) -> Vec<usize> {
        match stage.checked_sub(1) {
            Some(before) => self.stages[before].widths.clone(),
            None => vec![self.input_channels],
        }
    }

    /// Changes when anything of the definition changes, operators included.
    pub fn key(&self) -> String {
        let mut text = format!("{}|{}|{}|{:?}", self.name, self.input_channels, self.classes, self.resolutions);
        for stage in &self.stages {
            let role = match &stage.role {
                Role::Searched => "searched".into(),
                Role::Fixed(operator) => operator.key(),
                Role::SearchedAmong(own) => own.iter().map(Operator::key).collect(),
            };
            let Stage { name, widths, window, depths, stride, .. } = stage;
            text.push_str(&format!("|{name} {role} {widths:?} {window} {depths:?} {stride}"));
        }
        self.operators.iter().for_each(|operator| text.push_str(&operator.key()));
        hash_hex(text.as_bytes())
    }
}
