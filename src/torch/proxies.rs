//! Figures of networks with their initial weights, by which networks are ranked without training.

use spaceevo::base::{Result, Seed};
use spaceevo::graph::Activation;
use spaceevo::train::{LoneNet, NetProxies, Proxies};
use tch::{Kind, Tensor, no_grad_guard};

use super::batches::{Batches, Data, resize};
use super::forward::{Mode, Norms, run as forward, run_watched};
use super::jobs::store;
use super::net::{self, Net};
use super::place;
use super::serve::Ears;
use super::store::{LayerWeights, Store};

/// The figures of all networks of the job.
pub fn run(task: &Proxies, data: &Data, ears: &mut Ears) -> Result<Vec<NetProxies>> {
    let (images, labels) = Batches::new(&data.train, task.batch, false, task.seed.child("proxies")).next()?;
    let mut found = Vec::with_capacity(task.nets.len());
    for lone in &task.nets {
        ears.step(found.len(), task.nets.len(), String::new)?;
        let x = resize(&images, lone.net.resolution);
        found.push(of_net(lone, (&x, &labels), |logits| data.fits(logits), task.seed)?);
    }
    ears.step(found.len(), task.nets.len(), String::new)?;
    Ok(found)
}

/// The figures of one network on one batch; `check` is asked about its logits.
fn of_net(
    lone: &LoneNet,
    (x, labels): (&Tensor, &Tensor),
    check: impl Fn(&Tensor) -> Result<()>,
    seed: Seed,
) -> Result<NetProxies> {
    let mut store = store(&lone.pool, None, seed)?;
    let (graph, _) = net::chained(&lone.pool, &lone.net.parts, lone.net.resolution)?;
    let net = net::compile(&graph, &store, vec![graph.output])?;
    let mut codes = Codes::new(x.size()[0]);
    let logits = run_watched(&net, &store, x, Norms::Batch, &mut |act, x| codes.add(act, x)).swap_remove(0).flatten(1, -1);
    check(&logits)?;
    logits.cross_entropy_for_logits(labels).backward();
    let (grad_norm, snip) = gradients(&store);
    let one = Tensor::ones([1, x.size()[1], x.size()[2], x.size()[3]], (Kind::Double, place::here()));
    let known = |figure: f64| figure.is_finite().then_some(figure);
    Ok(NetProxies {
        synflow_log: known(synflow(&net, &mut store, &one).ln()),
        naswot: known(codes.log_determinant()),
        grad_norm: known(grad_norm),
        snip: known(snip),
    })
}

/// Sums over the weights of convolutions and dense layers: of the norm of each one's gradient (Abdelfattah et al. 2021), and
/// of weight times gradient without signs (SNIP, Lee et al. 2019).
fn gradients(store: &Store) -> (f64, f64) {
    let _guard = no_grad_guard();
    let (mut norms, mut sizes) = (0.0, 0.0);
    for layer in &store.layers {
        if let LayerWeights::Dense { weight, .. } = layer {
            let gradient = weight.grad();
            norms += gradient.norm().double_value(&[]);
            sizes += (weight * gradient).abs().sum(Kind::Double).double_value(&[]);
        }
    }
    (norms, sizes)
}

/// The synaptic flow of `net` for an input `one` of ones in double precision (Tanaka et al. 2020): the sum over parameters of
/// parameter times gradient of R without signs, where R is the sum of what comes out without norms and with the sizes of all
/// weights in place of them. These stay in `store`.
fn synflow(net: &Net, store: &mut Store, one: &Tensor) -> f64 {
    let size = |of: &Tensor| of.detach().abs().to_kind(Kind::Double).set_requires_grad(true);
    let mut parameters = Vec::new();
    for layer in &mut store.layers {
        if let LayerWeights::Dense { weight, bias, .. } = layer {
            for parameter in [Some(weight), bias.as_mut()].into_iter().flatten() {
                *parameter = size(parameter);
                parameters.push(parameter.shallow_clone());
            }
        }
    }
    forward(net, store, one, Mode::float32(false), Norms::LeftOut).swap_remove(0).sum(Kind::Double).backward();
    let _guard = no_grad_guard();
    parameters.iter().map(|parameter| (parameter * parameter.grad()).abs().sum(Kind::Double).double_value(&[])).sum()
}

/// Which activations are on for which image of a batch, as the kernel of all pairs of images.
struct Codes {
    /// Of each pair the units that are on in both or off in both.
    agree: Tensor,
}

impl Codes {
    fn new(images: i64) -> Self {
        Self { agree: Tensor::zeros([images, images], (Kind::Double, place::here())) }
    }

    /// Adds units with these values before their activation. Gates are no units: they are between 0 and 1, on to a degree.
    fn add(&mut self, act: Activation, x: &Tensor) {
        if matches!(act, Activation::Sigmoid | Activation::Hsigmoid) {
            return;
        }
        let _guard = no_grad_guard();
        // Units that agree less those that do not, whole numbers that floats hold, and so half of it and of all of them.
        let signs = x.detach().flatten(1, -1).gt(0.0).to_kind(Kind::Float) * 2.0 - 1.0;
        let units = signs.size()[1] as f64;
        self.agree += (signs.matmul(&signs.tr()).to_kind(Kind::Double) + units) / 2.0;
    }

    /// NASWOT (Mellor et al. 2021).
    fn log_determinant(&self) -> f64 {
        Tensor::linalg_slogdet(&self.agree).1.double_value(&[])
    }
}

#[cfg(test)]
mod tests {
    use spaceevo::data::Part;
    use spaceevo::graph::{Builder, ConvOptions, Graph, Shape};
    use spaceevo::train::DataSource;

    use super::*;

    /// Convolution, batch norm, activation, classifier.
    fn network(side: usize, act: Option<Activation>) -> Graph {
        let mut net = Builder::new(Shape::new(3, side, side));
        let mut x = net.conv(0, "first", 5, ConvOptions { kernel: 1, ..ConvOptions::default() }).unwrap();
        if let Some(act) = act {
            x = net.bn(x, None).unwrap();
            x = net.act(x, None, act).unwrap();
        }
        let pool = net.global_pool(x, "pool").unwrap();
        let logits = net.linear(pool, "second", 12).unwrap();
        net.finish(logits)
    }

    fn batch(side: usize) -> (Tensor, Tensor) {
        let source = DataSource::Shapes { size: side, train: 8, valid: 0, test: 0, seed: Seed(1) };
        Batches::new(&source.open().unwrap().part(Part::Train), 8, false, Seed(1)).next().unwrap()
    }

    fn figures(graph: &Graph, seed: u64) -> NetProxies {
        let (x, labels) = batch(graph.input_shape().h);
        of_net(&LoneNet::new(graph).unwrap(), (&x, &labels), |_| Ok(()), Seed(seed)).unwrap()
    }

    #[test]
    fn the_flow_of_two_linear_layers_is_that_of_all_paths_for_each_of_them() {
        let lone = LoneNet::new(&network(16, None)).unwrap();
        let mut store = store(&lone.pool, None, Seed(1)).unwrap();
        let sizes = |store: &Store, layer: &str| match &store.layers[store.layer(layer).unwrap()] {
            LayerWeights::Dense { weight, .. } => weight.detach().abs().to_kind(Kind::Double).flatten(1, -1),
            _ => unreachable!("it has weights"),
        };
        let paths = sizes(&store, "second").matmul(&sizes(&store, "first")).sum(Kind::Double).double_value(&[]);
        let (graph, _) = net::chained(&lone.pool, &lone.net.parts, 16).unwrap();
        let net = net::compile(&graph, &store, vec![graph.output]).unwrap();
        let flow = synflow(&net, &mut store, &Tensor::ones([1, 3, 16, 16], (Kind::Double, place::here())));
        assert!((flow / (2.0 * paths) - 1.0).abs() < 1e-9, "{flow} {paths}");
    }

    #[test]
    fn codes_that_differ_more_have_a_larger_determinant() {
        let found = |rows: &[[f32; 4]]| {
            let mut codes = Codes::new(rows.len() as i64);
            codes.add(Activation::Relu, &Tensor::from_slice(&rows.concat()).view([rows.len() as i64, 4, 1, 1]));
            codes.add(Activation::Hsigmoid, &Tensor::ones([rows.len() as i64, 9, 1, 1], (Kind::Float, place::here())));
            codes.log_determinant()
        };
        // Of two images whose codes of n units differ in d the determinant is n^2 - (n - d)^2.
        let one = found(&[[1.0, 2.0, -1.0, 0.0], [3.0, -1.0, -2.0, 0.0]]);
        let two = found(&[[1.0, 2.0, -1.0, 0.0], [-3.0, -1.0, -2.0, 0.0]]);
        assert!((one - 7.0_f64.ln()).abs() < 1e-9 && (two - 12.0_f64.ln()).abs() < 1e-9, "{one} {two}");
        assert!(!found(&[[1.0, 2.0, -1.0, 0.0], [3.0, 1.0, -2.0, 0.0]]).is_finite(), "the same code twice");
    }

    #[test]
    fn figures_depend_on_the_seed_alone_and_gradients_are_those_of_the_loss() {
        for act in [Activation::Relu, Activation::Hswish] {
            let graph = network(16, Some(act));
            let one = figures(&graph, 1);
            assert_eq!(one, figures(&graph, 1));
            assert_ne!(one, figures(&graph, 2));
            assert!([one.synflow_log, one.naswot, one.grad_norm, one.snip].iter().all(Option::is_some), "{one:?}");
        }
        // Without anything between, the gradient of the last layer is (softmax - truth) times what enters it.
        let lone = LoneNet::new(&network(16, None)).unwrap();
        let store = store(&lone.pool, None, Seed(1)).unwrap();
        let [first, second] = ["first", "second"].map(|name| match &store.layers[store.layer(name).unwrap()] {
            LayerWeights::Dense { weight, .. } => weight.detach().flatten(1, -1),
            _ => unreachable!("it has weights"),
        });
        let (x, labels) = batch(16);
        let mean = x.mean_dim([2_i64, 3].as_slice(), false, Kind::Float);
        let enters = mean.matmul(&first.tr());
        let off = (enters.matmul(&second.tr()).softmax(-1, Kind::Float) - labels.onehot(12)) / 8.0;
        let gradients = [off.tr().matmul(&enters), second.tr().matmul(&off.tr()).matmul(&mean)];
        let wanted: f64 = gradients.iter().map(|gradient| gradient.norm().double_value(&[])).sum();
        let found = figures(&network(16, None), 1).grad_norm.unwrap();
        assert!((found / wanted - 1.0).abs() < 1e-4, "{found} {wanted}");
    }
}
