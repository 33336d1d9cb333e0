//! What trainers compute with: the processor or a card of the machine they run on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::Fault;

/// One of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Processor {
    /// The processor, with as many threads as the worker has.
    #[default]
    Cpu,
    /// A card of NVIDIA, by its number.
    Cuda(usize),
}

impl Processor {
    /// Those of `all` that worker number `worker` of `workers` computes with: one of its own, shared with others where there are
    /// fewer than workers; several where there are more.
    pub fn dealt(all: &[Self], worker: usize, workers: usize) -> Vec<Self> {
        let workers = workers.max(1);
        match all.len() {
            0 => vec![Self::Cpu],
            count if count <= workers => vec![all[worker % count]],
            _ => all.iter().skip(worker % workers).step_by(workers).copied().collect(),
        }
    }

    /// The texts `cpu,cuda:0` of a list.
    pub fn list(all: &[Self]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(at) => write!(f, "cuda:{at}"),
        }
    }
}

impl FromStr for Processor {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let card = || text.strip_prefix("cuda:")?.parse().ok();
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => card().map(Self::Cuda).ok_or_else(|| {
                let help = "\"cpu\", \"cuda:0\" for the first card, \"cuda:1\" for the second";
                Fault::new("executor::device", format!("`{text}` is no device to train on"), help)
            }),
        }
    }
}

impl Serialize for Processor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Processor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|fault: Fault| serde::de::Error::custom(fault.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_dealt_out_to_workers() {
        let cards: Vec<_> = (0..4).map(Processor::Cuda).collect();
        let dealt = |cards: &[Processor], workers: usize| -> Vec<String> {
            (0..workers).map(|worker| Processor::list(&Processor::dealt(cards, worker, workers))).collect()
        };
        assert_eq!(dealt(&cards, 4), ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]);
        assert_eq!(dealt(&cards[..2], 3), ["cuda:0", "cuda:1", "cuda:0"]);
        assert_eq!(dealt(&cards[..3], 2), ["cuda:0,cuda:2", "cuda:1"]);
        assert_eq!(dealt(&cards, 1), ["cuda:0,cuda:1,cuda:2,cuda:3"]);
        assert_eq!(dealt(&[], 2), ["cpu", "cpu"]);
    }

    #[test]
    fn texts() {
        for text in ["cpu", "cuda:0", "cuda:11"] {
            assert_eq!(text.parse::<Processor>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse::<Processor>().unwrap(), Processor::Cuda(0));
        for bad in ["gpu", "cuda:", "cuda:x", "CUDA:0", ""] {
            assert_eq!(bad.parse::<Processor>().unwrap_err().code, "executor::device");
        }
    }
}
