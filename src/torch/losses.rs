//! Losses: how far a student is from what it imitates, and expressions that users wrote themselves.

use spaceevo::base::Result;
use spaceevo::train::{Binary, Distill, Expression, Loss, Reduce, Step, Unary};
use tch::{Kind, Reduction, Tensor};

use super::fault::job;

/// A variance counts as at least this fraction of the mean one, so that channels
/// which are silent in an image do not outweigh all others.
const LEAST_VARIANCE: f64 = 0.01;
/// The alphas of the adaptive alpha-divergence.
const ALPHAS: [f64; 2] = [-1.0, 1.0];
/// Most that a sample of the alpha-divergence may weigh.
const LARGEST_IMPORTANCE: f64 = 5.0;

/// How far `student` is from `teacher`, both `[N, C, H, W]`; one number.
pub fn distance(loss: &Loss, student: &Tensor, teacher: &Tensor) -> Result<Tensor> {
    let (mine, theirs) = (student.size(), teacher.size());
    if mine != theirs {
        return Err(job(
            format!("the block gives maps of {:?}, the teacher's are {:?} (channels, height, width)", &mine[1..], &theirs[1..]),
            "the stage's stride and the projections around it must lead from one of the teacher's taps to the next",
        )
        .into());
    }
    let signal = match loss {
        Loss::Mse => return Ok((student - teacher).square().mean(student.kind())),
        Loss::Own(expression) => return evaluate(expression, &[student, teacher]),
        Loss::Nsr => teacher,
        Loss::NsrStudent => student,
    };
    if theirs[2] * theirs[3] < 2 {
        return Err(no_variance("use `mse`, or larger images"));
    }
    let noise = (student - teacher).square().mean_dim([2i64, 3].as_slice(), false, student.kind());
    let variance = signal.var_dim([2i64, 3].as_slice(), true, false);
    let least = variance.mean(student.kind()) * LEAST_VARIANCE;
    Ok((noise / variance.maximum(&least)).mean(student.kind()))
}

fn no_variance(help: &'static str) -> spaceevo::base::Fault {
    job("a map of one cell has no variance", help).into()
}

/// What a network is to say of a batch.
pub struct Truth<'a> {
    /// Its own loss; without it cross entropy.
    own: Option<&'a Expression>,
    labels: &'a Tensor,
    smoothing: f64,
    /// The labels as probabilities, `[N, classes]`, smoothed.
    smoothed: Tensor,
}

impl<'a> Truth<'a> {
    /// Of images of so many `classes` with these `labels`, `[N]`.
    pub fn new(own: Option<&'a Expression>, labels: &'a Tensor, classes: i64, smoothing: f64) -> Self {
        let smoothed = one_hot(labels, classes) * (1.0 - smoothing) + smoothing / classes as f64;
        Self { own, labels, smoothing, smoothed }
    }

    /// The loss of `logits`, `[N, classes]`; one number.
    pub fn distance(&self, logits: &Tensor) -> Result<Tensor> {
        match self.own {
            Some(own) => evaluate(own, &[logits, &self.smoothed]),
            None => Ok(logits.cross_entropy_loss::<Tensor>(self.labels, None, Reduction::Mean, -100, self.smoothing)),
        }
    }
}

/// 1 for the class of each image and 0 for the others, `[N, classes]`.
fn one_hot(labels: &Tensor, classes: i64) -> Tensor {
    labels.one_hot(classes).to_kind(Kind::Float)
}

/// The mean over a batch of the metric `expression` of `logits`, `[N, classes]`, and their `labels`, `[N]`.
pub fn metric(expression: &Expression, logits: &Tensor, labels: &Tensor) -> Result<f64> {
    Ok(evaluate(expression, &[logits, &one_hot(labels, logits.size()[1])])?.double_value(&[]))
}

/// The loss of a network whose logits are `student` when it learns from `teacher`'s, both `[N, classes]`; one number.
pub fn imitation(distill: &Distill, student: &Tensor, teacher: &Tensor, truth: &Truth<'_>) -> Result<Tensor> {
    match distill {
        Distill::Labels => truth.distance(student),
        Distill::AlphaDivergence => Ok(alpha_divergence(student, teacher)),
        Distill::SoftCrossEntropy => {
            let wanted = teacher.softmax(-1, teacher.kind());
            Ok(student.cross_entropy_loss::<Tensor>(&wanted, None, Reduction::Mean, -100, 0.0))
        }
        Distill::Own(expression) => evaluate(expression, &[student, teacher, &truth.smoothed]),
    }
}

/// The adaptive alpha-divergence of AlphaNet (arXiv 2102.07954): for each sample, of the two alphas that which diverges more.
/// Its value is one whose gradient is the divergence's, and may be negative.
///
/// With probabilities q of the student and p of the teacher, r = p / q (without gradient): for alpha 1 the divergence is
/// sum q r log r, its proxy -sum q r log q; for another alpha, with w = min(r^alpha, 5), sum q (w - 1) / (alpha (alpha - 1)) and
/// -sum q (w / alpha + 1 / (alpha (alpha - 1))) log q.
fn alpha_divergence(student: &Tensor, teacher: &Tensor) -> Tensor {
    let kind = student.kind();
    let log_q = student.log_softmax(-1, kind);
    let (fixed, log_p) = (log_q.detach(), teacher.detach().log_softmax(-1, kind));
    let (q, p, log_r) = (fixed.exp(), log_p.exp(), log_p - &fixed);
    let sum = |values: Tensor| values.sum_dim_intlist([-1i64].as_slice(), false, kind);
    let [(first, first_proxy), (second, second_proxy)] = ALPHAS.map(|alpha| {
        if (alpha - 1.0).abs() < 1e-9 {
            // q r is p, also where q is so small that r is infinite.
            (sum(&p * &log_r), -sum(&p * &log_q))
        } else {
            let importance = (&log_r * alpha).exp().clamp(0.0, LARGEST_IMPORTANCE);
            let curve = alpha * (alpha - 1.0);
            (sum(&q * (&importance - 1.0)) / curve, -sum(&q * (importance / alpha + 1.0 / curve) * &log_q))
        }
    });
    first_proxy.where_self(&first.gt_tensor(&second), &second_proxy).mean(kind)
}

/// The mean of what `expression` makes of the tensors `given`.
fn evaluate(expression: &Expression, given: &[&Tensor]) -> Result<Tensor> {
    let value = values(expression, given)?;
    Ok(value.mean(value.kind()))
}

/// What `expression` makes of the tensors `given`.
pub fn values(expression: &Expression, given: &[&Tensor]) -> Result<Tensor> {
    let unfit =
        |what: &str| job(format!("the expression `{expression}` {what}"), "build session and trainer anew with `cargo build`");
    let Some(like) = given.first() else { return Err(unfit("is given nothing").into()) };
    let (kind, device) = (like.kind(), like.device());
    let mut values: Vec<Tensor> = Vec::with_capacity(expression.steps.len());
    for step in &expression.steps {
        let at = |place: usize| values.get(place).ok_or_else(|| unfit("reads a value before it is there"));
        let value = match step {
            Step::Given(place) => given.get(*place).ok_or_else(|| unfit("reads a tensor that it is not given"))?.shallow_clone(),
            // Made where it is needed: a card would be waited for if it were brought there.
            Step::Constant(value) => Tensor::full([0_i64; 0], *value, (kind, device)),
            Step::Unary(function, of) => unary(*function, at(*of)?),
            Step::Binary(operation, left, right) => binary(*operation, at(*left)?, at(*right)?),
            Step::Reduce(how, axes, of) => reduce(*how, axes, at(*of)?)?,
        };
        values.push(value);
    }
    Ok(values.pop().ok_or_else(|| unfit("has no steps"))?)
}

fn unary(function: Unary, x: &Tensor) -> Tensor {
    match function {
        Unary::Negate => x.neg(),
        Unary::Abs => x.abs(),
        Unary::Square => x.square(),
        Unary::Sqrt => x.sqrt(),
        Unary::Exp => x.exp(),
        Unary::Log => x.log(),
        Unary::Relu => x.relu(),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => x.sigmoid(),
        Unary::Round => straight_through(x, Tensor::round),
        Unary::Floor => straight_through(x, Tensor::floor),
        Unary::Sign => straight_through(x, Tensor::sign),
        Unary::Detach => x.detach(),
        Unary::Softmax => x.softmax(1, x.kind()),
        Unary::LogSoftmax => x.log_softmax(1, x.kind()),
    }
}

/// What `step` makes of `x`, with the gradient of `x` (straight-through estimator, arXiv 1308.3432).
fn straight_through(x: &Tensor, step: impl Fn(&Tensor) -> Tensor) -> Tensor {
    x + (step(&x.detach()) - x.detach())
}

fn binary(operation: Binary, a: &Tensor, b: &Tensor) -> Tensor {
    match operation {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Power => a.pow(b),
        Binary::Min => a.minimum(b),
        Binary::Max => a.maximum(b),
    }
}

/// `x` with one value left along each of `axes`.
fn reduce(how: Reduce, axes: &[i64], x: &Tensor) -> Result<Tensor> {
    Ok(match how {
        Reduce::Mean => x.mean_dim(axes, true, x.kind()),
        Reduce::Sum => x.sum_dim_intlist(axes, true, x.kind()),
        Reduce::Variance => {
            let sizes = x.size();
            if axes.iter().map(|&axis| sizes[axis as usize]).product::<i64>() < 2 {
                return Err(no_variance("take the variance over more axes, or use larger images"));
            }
            x.var_dim(axes, true, true)
        }
    })
}

#[cfg(test)]
mod tests {
    use spaceevo::base::Seed;

    use super::*;
    use crate::torch::chance::seeded;

    fn tensor(rows: &[[f64; 3]]) -> Tensor {
        Tensor::from_slice(&rows.concat()).view([-1, 3])
    }

    fn logits() -> (Tensor, Tensor) {
        let student = tensor(&[[1.0, 0.5, -1.0], [0.2, -0.3, 2.0]]).set_requires_grad(true);
        (student, tensor(&[[2.0, -1.0, 0.0], [0.0, 1.0, 1.5]]))
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.detach().reshape([-1])).unwrap()
    }

    fn close(got: &[f64], wanted: &[f64]) {
        assert_eq!(got.len(), wanted.len());
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - wanted).abs() <= 1e-6 * wanted.abs().max(0.01), "{got} for {wanted}");
        }
    }

    #[test]
    fn the_alpha_divergence_is_that_of_the_reference() {
        let (student, teacher) = logits();
        let labels = Tensor::from_slice(&[0i64, 2]);
        let truth = Truth::new(None, &labels, 3, 0.0);
        let loss = imitation(&Distill::AlphaDivergence, &student, &teacher, &truth).unwrap();
        close(&values(&loss), &[-0.264_423_598_359_25]);
        loss.backward();
        let wanted = [-0.431_756_95, 0.490_188_90, -0.058_431_95, 0.004_330_91, -0.126_138_94, 0.121_808_03];
        close(&values(&student.grad()), &wanted);
    }

    #[test]
    fn cross_entropy_against_probabilities_can_be_spelled_out() {
        let (student, teacher) = logits();
        let [s, t] = [0, 1].map(|at| Expression::given(at, &["s", "t"]));
        let own = t.then(Unary::Softmax).with(Binary::Multiply, s.then(Unary::LogSoftmax));
        let own = Distill::Own(own.reduce(Reduce::Sum, vec![1]).then(Unary::Negate));
        let labels = Tensor::from_slice(&[0i64, 2]);
        let truth = Truth::new(None, &labels, 3, 0.0);
        let loss = |how| values(&imitation(&how, &student, &teacher, &truth).unwrap());
        let [named, own] = [Distill::SoftCrossEntropy, own].map(loss);
        close(&own, &named);
    }

    #[test]
    fn smoothed_labels_are_those_of_the_reference() {
        let (student, teacher) = logits();
        let labels = Tensor::from_slice(&[0i64, 2]);
        let wanted = [0.505_234_919_736_81];
        close(&values(&Truth::new(None, &labels, 3, 0.1).distance(&student).unwrap()), &wanted);
        // The same spelled out, and for one that could learn from another.
        let [s, t] = [0, 1].map(|at| Expression::given(at, &["logits", "labels"]));
        let own = t.with(Binary::Multiply, s.then(Unary::LogSoftmax)).reduce(Reduce::Sum, vec![1]).then(Unary::Negate);
        let truth = Truth::new(Some(&own), &labels, 3, 0.1);
        close(&values(&truth.distance(&student).unwrap()), &wanted);
        close(&values(&imitation(&Distill::Labels, &student, &teacher, &truth).unwrap()), &wanted);
        // A metric sees labels as they are.
        let plain = student.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0);
        close(&[metric(&own, &student, &labels).unwrap()], &values(&plain));
    }

    #[test]
    fn an_expression_gives_the_numbers_and_gradients_of_the_loss_it_spells_out() {
        let maps = |seed| seeded(Seed(seed), || Tensor::randn([2, 3, 4, 5], (Kind::Double, tch::Device::Cpu)));
        let (student, teacher) = (maps(1).set_requires_grad(true), maps(2));
        let [s, t] = [0, 1].map(|at| Expression::given(at, &["s", "t"]));
        let error = s.clone().with(Binary::Subtract, t.clone());
        let nsr = error.clone().then(Unary::Square).reduce(Reduce::Mean, vec![2, 3]);
        let nsr = nsr.with(Binary::Divide, t.reduce(Reduce::Variance, vec![2, 3]));
        let gradient = |loss: &Loss| {
            let student = student.detach().copy().set_requires_grad(true);
            let value = distance(loss, &student, &teacher).unwrap();
            value.backward();
            [values(&value), values(&student.grad())].concat()
        };
        close(&gradient(&Loss::Own(nsr)), &gradient(&Loss::Nsr));
        close(&gradient(&Loss::Own(error.then(Unary::Square))), &gradient(&Loss::Mse));
        // max(s, 2) ** 2 where a number stands on either side.
        let most = s.with(Binary::Max, Expression::constant(2.0)).with(Binary::Power, Expression::constant(2.0));
        let wanted = student.clamp_min(2.0).square().mean(Kind::Double);
        close(&values(&distance(&Loss::Own(most), &student, &teacher).unwrap()), &values(&wanted));
    }

    #[test]
    fn what_the_named_losses_are() {
        let student = Tensor::from_slice(&[1.0, 3.0, 2.0, 6.0]).view([1, 1, 2, 2]);
        let teacher = Tensor::from_slice(&[0.0, 4.0, 2.0, 2.0]).view([1, 1, 2, 2]);
        let of = |loss| distance(&loss, &student, &teacher).unwrap().double_value(&[]);
        // Mean of the squares 4.5; unbiased variances 8/3 of the teacher, 14/3 of the student.
        close(&[of(Loss::Mse), of(Loss::Nsr), of(Loss::NsrStudent)], &[4.5, 4.5 * 3.0 / 8.0, 4.5 * 3.0 / 14.0]);
        let point = Tensor::from_slice(&[1.0]).view([1, 1, 1, 1]);
        assert_eq!(distance(&Loss::Nsr, &point, &point).unwrap_err().code, "train::job");
        let variance = Expression::given(0, &["s", "t"]).reduce(Reduce::Variance, vec![2, 3]);
        assert_eq!(distance(&Loss::Own(variance), &point, &point).unwrap_err().code, "train::job");
        assert_eq!(distance(&Loss::Mse, &student, &point).unwrap_err().code, "train::job");
    }
}
