//! A toy supernet and its jobs, for tests of training.

use std::path::Path;

use spaceevo::base::Seed;
use spaceevo::graph::{Activation, Builder, ConvOptions, Graph, Part, Shape, union_weights};
use spaceevo::train::{DataSource, Distill, ExportNet, Job, JobFile, Lsq, Net, Phase, Pool, TrainNet, Update, WeightsRef};

/// Side of the images.
pub const SIZE: usize = 32;

/// What one block may be: output channels, kernel, expansion.
pub type Choice = (i64, i64, i64);

/// A supernet with a stem, three stages of two inverted residuals, and a head.
pub struct Toy {
    pub pool: Pool,
}

/// Inverted residual with names as an operator has them.
pub fn inverted(cin: i64, (cout, kernel, expand): Choice, stride: i64, act: Activation, size: usize) -> Graph {
    let mut b = Builder::new(Shape::new(cin as usize, size, size));
    let x = b.conv(b.input(), "expand", cin * expand, ConvOptions::default()).unwrap();
    let x = b.bn(x, None).unwrap();
    let x = b.act(x, None, act).unwrap();
    let x = b.dwconv(x, "depth", ConvOptions { kernel, stride, ..ConvOptions::default() }).unwrap();
    let x = b.bn(x, None).unwrap();
    let x = b.act(x, None, act).unwrap();
    let x = b.conv(x, "project", cout, ConvOptions::default()).unwrap();
    let mut x = b.bn(x, None).unwrap();
    if stride == 1 && cin == cout {
        x = b.add(x, b.input(), "add").unwrap();
    }
    b.finish(x)
}

fn stem(cout: i64) -> Graph {
    let mut b = Builder::new(Shape::new(3, SIZE, SIZE));
    let x = b.conv(b.input(), "conv", cout, ConvOptions { kernel: 3, stride: 2, ..ConvOptions::default() }).unwrap();
    let x = b.bn(x, None).unwrap();
    let x = b.act(x, None, Activation::Relu6).unwrap();
    b.finish(x)
}

/// Global pooling and a dense layer.
pub fn head(cin: i64, classes: i64) -> Graph {
    let mut b = Builder::new(Shape::new(cin as usize, 4, 4));
    let x = b.global_pool(b.input(), "pool").unwrap();
    let x = b.linear(x, "classes", classes).unwrap();
    b.finish(x)
}

impl Toy {
    /// All choices of two widths, kernels 3 and 5, expansions 3 and 6.
    pub fn new(widths: [[i64; 2]; 3]) -> Self {
        let mut pool = Pool { graphs: vec![stem(16)], parts: vec![("stem".into(), 0)], weights: vec![], lsq: Lsq::default() };
        for (stage, &outs) in widths.iter().enumerate() {
            let ins = if stage == 0 { [16, 16] } else { widths[stage - 1] };
            let size = SIZE >> (stage + 1);
            for block in 0..2 {
                let from = if block == 0 { ins } else { outs };
                for code in 0..16 {
                    let (cin, cout) = (from[code & 1], outs[code >> 1 & 1]);
                    let choice = (cout, if code & 4 == 0 { 3 } else { 5 }, if code & 8 == 0 { 3 } else { 6 });
                    let stride = if block == 0 && stage > 0 { 2 } else { 1 };
                    pool.graphs.push(inverted(cin, choice, stride, Activation::Relu6, size));
                    pool.parts.push((format!("stage{}.b{block}", stage + 1), pool.graphs.len() - 1));
                }
            }
        }
        for cin in widths[2] {
            pool.graphs.push(head(cin, 12));
            pool.parts.push(("head".into(), pool.graphs.len() - 1));
        }
        let parts = pool.parts.iter().map(|(prefix, graph)| Part { prefix, graph: &pool.graphs[*graph] });
        pool.weights = union_weights(parts).unwrap();
        Self { pool }
    }

    /// The network with these choices: for each of six blocks `(wide, kernel 5, expansion 6)`.
    pub fn net(choices: [(bool, bool, bool); 6], resolution: usize) -> Net {
        let mut parts = vec![0];
        let mut wide_before = false;
        for (block, (wide, five, six)) in choices.into_iter().enumerate() {
            // Both widths of the stem are one.
            let from = usize::from(wide_before && block > 0);
            parts.push(1 + block * 16 + from + 2 * usize::from(wide) + 4 * usize::from(five) + 8 * usize::from(six));
            wide_before = wide;
        }
        parts.push(1 + 96 + usize::from(wide_before));
        Net { parts, resolution }
    }

    /// The largest and the smallest network.
    pub fn extremes() -> [Net; 2] {
        [Self::net([(true, true, true); 6], SIZE), Self::net([(false, false, false); 6], SIZE)]
    }

    /// The sandwich of one step: largest, one in between, smallest.
    pub fn sandwich(step: usize) -> Vec<Net> {
        let bit = |at: usize| (step.wrapping_mul(2_654_435_761) >> (at % 31)) & 1 == 1;
        let [largest, smallest] = Self::extremes();
        let choices = std::array::from_fn(|block| (bit(block), bit(block + 6), bit(block + 12)));
        vec![largest, Self::net(choices, SIZE), smallest]
    }
}

/// A small data set.
pub fn shapes(train: usize, valid: usize) -> DataSource {
    DataSource::Shapes { size: SIZE, train, valid, test: 0, seed: Seed(1) }
}

/// A phase of `steps` sandwiches.
pub fn phase(quantized: bool, lr: f64, steps: usize) -> Phase {
    Phase { quantized, precision: Default::default(), lr, warmup: steps / 10, steps: (0..steps).map(Toy::sandwich).collect() }
}

/// Steps of one network alone, after two of warm-up.
pub fn fixed_phase(quantized: bool, lr: f64, net: &Net, steps: usize) -> Phase {
    Phase { quantized, precision: Default::default(), lr, warmup: 2, steps: vec![vec![net.clone()]; steps] }
}

/// The job that writes the smaller of the two extremes, quantized.
pub fn export(toy: &Toy, weights: WeightsRef) -> Job {
    Job::ExportNet(ExportNet {
        pool: toy.pool.clone(),
        weights: Some(weights),
        data: shapes(64, 96),
        quantized: true,
        net: Toy::extremes()[1].clone(),
        recalibrate: 2,
        batch: 32,
        seed: Seed(3),
    })
}

/// Trains `toy` by `phases`.
pub fn train(toy: &Toy, phases: Vec<Phase>, folder: &Path) -> JobFile {
    std::fs::create_dir_all(folder).unwrap();
    let job = Job::TrainNet(TrainNet {
        label: "toy".into(),
        pool: toy.pool.clone(),
        data: shapes(64, 96),
        batch: 32,
        replicas: 1,
        phases,
        loss: None,
        smoothing: 0.0,
        dropout: 0.0,
        distill: Distill::SoftCrossEntropy,
        update: Update::sgd(),
        initial: None,
        report: Toy::extremes()[0].clone(),
        seed: Seed(7),
    });
    JobFile::new(job, folder)
}
