//! How long a closure may run: the limit belongs to the thread that runs it, and goes along to those that work for it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::base::Fault;

/// When what runs here began, and how long it may take.
pub(super) type Limit = Option<(Instant, Duration)>;

thread_local! {
    static LIMIT: Cell<Limit> = const { Cell::new(None) };
}

/// The limit of what runs in this thread.
pub(super) fn limit() -> Limit {
    LIMIT.get()
}

/// Does `work` under `limit` in place of that of this thread: a thread that waits may be lent to other work meanwhile.
pub(super) fn under<T>(limit: Limit, work: impl FnOnce() -> T) -> T {
    let before = LIMIT.replace(limit);
    let done = work();
    LIMIT.set(before);
    done
}

/// Does `work`, in which scripts are ended once `limit` is over.
pub(super) fn within<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    under(Some((Instant::now(), limit)), work)
}

/// The fault of a script that runs longer than it may. The engine asks now and then.
pub fn overdue() -> Option<Fault> {
    let (began, limit) = LIMIT.get()?;
    let message = format!("it ran for more than {} s and was ended", limit.as_secs_f64());
    let help = "is there a loop without end? if it needs so long, give the strategy a larger `limit_s`";
    (began.elapsed() > limit).then(|| Fault::new("strategy::slow", message, help))
}
